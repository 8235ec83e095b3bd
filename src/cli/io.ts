import { ProgressBar } from './progress';

/** What a command prints to and is stopped by. */
export class Io {
  constructor(
    /** Results as JSON on standard output. */
    readonly json: boolean,
    /** Aborted by the first Ctrl-C. */
    readonly signal: AbortSignal,
    private readonly stdout: NodeJS.WritableStream = process.stdout,
    private readonly stderr: NodeJS.WriteStream = process.stderr,
  ) {}

  /** The command's result: `value` with --json, else the text. The only thing a command prints on standard output. */
  result(value: unknown, text: string): void {
    this.stdout.write(`${this.json ? JSON.stringify(value) : text}\n`);
  }

  /** A line for people, beside the result. */
  note(text: string): void {
    this.stderr.write(`${text}\n`);
  }

  progress(): ProgressBar {
    return new ProgressBar(this.stderr);
  }
}
