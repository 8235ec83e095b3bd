import { jsonLines } from './json_lines';
import { metricsHeader, metricsLine } from './metrics_csv';
import type { AuditRecord, CompletionRecord, FileContent, MetricRow, RunFolder, RunRecord } from './run';

/** Files by their path inside a folder: "model.safetensors" → bytes, or what makes them. */
export type FileMap = Record<string, FileContent>;

/**
 * Writes one run's folder. Calls may overlap: they happen one after the other, in the order they were made, and each
 * promise resolves when its bytes are written.
 */
export class RunWriter {
  private queue: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly folder: RunFolder,
    private readonly metricKeys: readonly string[],
  ) {}

  /** Begins a run: run.json and the header of metrics.csv. `metricKeys` fixes the columns for the whole run. */
  static async create(
    folder: RunFolder,
    record: RunRecord,
    metricKeys: readonly string[],
  ): Promise<RunWriter> {
    await folder.write('metrics.csv', new TextEncoder().encode(metricsHeader(metricKeys)));
    await writeRecord(folder, record);
    return new RunWriter(folder, metricKeys);
  }

  /** Rewrites run.json, whole or not at all. */
  record(record: RunRecord): Promise<void> {
    const copy = structuredClone(record);
    return this.next(() => writeRecord(this.folder, copy));
  }

  /** Appends a row to metrics.csv. Errors: `bug` for a metric the run's header does not have. */
  async metrics(row: MetricRow): Promise<void> {
    const line = metricsLine(row, this.metricKeys);
    await this.next(() => this.folder.append('metrics.csv', line));
  }

  completions(rows: readonly CompletionRecord[]): Promise<void> {
    const text = jsonLines(rows);
    return this.next(() => this.folder.append('completions.jsonl', text));
  }

  audit(rows: readonly AuditRecord[]): Promise<void> {
    const text = jsonLines(rows);
    return this.next(() => this.folder.append('audit.jsonl', text));
  }

  /** Writes a folder of files, e.g. "checkpoints/40" or "model", whole or not at all; replaces one of that name. */
  files(path: string, files: FileMap): Promise<void> {
    return this.next(async () => {
      const partial = `${path}.partial`;
      await this.folder.remove(partial);
      for (const [name, content] of Object.entries(files)) {
        await this.folder.write(`${partial}/${name}`, content);
      }
      await this.folder.remove(path);
      await this.folder.rename(partial, path);
    });
  }

  remove(path: string): Promise<void> {
    return this.next(() => this.folder.remove(path));
  }

  /** After a failed write the next one is still tried: one full disk moment must not end the run's record. */
  private next<T>(work: () => Promise<T>): Promise<T> {
    const result = this.queue.then(work, work);
    this.queue = result.catch(() => undefined);
    return result;
  }
}

/** Writes run.json beside the old one and puts it in its place, so that a reader finds the old or the new, never half. */
export async function writeRecord(folder: RunFolder, record: RunRecord): Promise<void> {
  const text = `${JSON.stringify(record, null, 2)}\n`;
  await folder.write('run.json.partial', new TextEncoder().encode(text));
  await folder.rename('run.json.partial', 'run.json');
}
