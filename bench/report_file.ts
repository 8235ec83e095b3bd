import { accessSync, constants, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { addFigures, parseReport, type Report } from './figure';

/** Where a report goes. What would keep it from being written is found before anything is measured. */
export class ReportFile {
  private readonly path: string | undefined;
  private readonly before: Report | undefined;

  /**
   * `add`: the figures join the report that the file holds, if there is one. Errors: a file that cannot be written, one that
   * is added to and holds no report, `add` without a file.
   */
  constructor(path: string | undefined, add: boolean) {
    this.path = path;
    if (path === undefined) {
      if (add) throw new Error('--add adds to the report in a file: name it with --json FILE.');
      return;
    }
    const exists = existsSync(path);
    try {
      accessSync(exists ? path : dirname(path), constants.W_OK);
      if (exists && statSync(path).isDirectory()) throw new Error('it is a folder');
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`The report cannot be written to ${path}: ${reason}.`);
    }
    if (add && exists) this.before = parseReport(readFileSync(path, 'utf8'));
  }

  /** Errors: the file's figures are another adapter's. */
  checkAdapter(adapter: string): void {
    if (this.before) addFigures(this.before, { ...this.before, adapter });
  }

  /** Writes the report where one was asked for. */
  write(report: Report): void {
    if (this.path === undefined) return;
    const whole = this.before ? addFigures(this.before, report) : report;
    writeFileSync(this.path, `${JSON.stringify(whole, null, 2)}\n`);
  }
}
