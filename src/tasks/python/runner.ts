/**
 * Running programs of P-CoT on Python interpreters in workers. Nothing is loaded before the first program; a program
 * that does not end within its limit is stopped by ending its worker, and the next one gets a new worker.
 */
import { LabError } from '../../errors';
import type { ProgramRunner } from '../task';
import { wantsSympy } from './harness';
import type { FromProgramWorker, ProgramWorker, SpawnProgramWorker } from './messages';

export interface RunnerOptions {
  /** Seconds a program may take; reft.md says 10. */
  limitSeconds?: number;
  /** Seconds loading Python may take. */
  startSeconds?: number;
  /** Workers at most. */
  workers?: number;
  /** Told, once each, what a person should know: that sympy cannot be loaded. */
  notice?: (text: string) => void;
}

export interface ClosableRunner extends ProgramRunner {
  /** Ends the workers; programs still waiting give null. */
  close(): void;
}

/** A second worker is started only when so many programs wait for each one there is. */
const WAITING_PER_WORKER = 8;

interface Job {
  program: string;
  done: (value: string | null) => void;
  failed: (error: LabError) => void;
}

/** A runner over workers that `spawn` starts. `run` rejects with `unsupported` when Python cannot be loaded. */
export function createRunner(spawn: SpawnProgramWorker, options: RunnerOptions = {}): ClosableRunner {
  const { limitSeconds = 10, startSeconds = 120, workers = 2 } = options;
  const waiting: Job[] = [];
  const noticed = new Set<string>();
  const notice = (text: string) => {
    if (!noticed.has(text)) options.notice?.(text);
    noticed.add(text);
  };
  const lanes = Array.from({ length: workers }, () => new Lane(spawn, limitSeconds, startSeconds, notice));

  /** Lets free lanes take what waits. */
  const serve = () => {
    for (const [index, lane] of lanes.entries()) {
      if (lane.busy || waiting.length <= index * WAITING_PER_WORKER) continue;
      const job = waiting.shift();
      if (job === undefined) continue;
      void lane.run(job).then((broken) => {
        // Without Python none of those that wait can run either.
        if (broken !== null) for (const other of waiting.splice(0)) other.failed(broken);
        serve();
      });
    }
  };

  return {
    run: async (programs) => {
      const results = programs.map(
        (program) => new Promise<string | null>((done, failed) => waiting.push({ program, done, failed })),
      );
      serve();
      return Promise.all(results);
    },
    close: () => {
      for (const job of waiting.splice(0)) job.done(null);
      for (const lane of lanes) lane.close();
    },
  };
}

/** One worker and the program it runs. */
class Lane {
  busy = false;
  private closed = false;
  private worker: ProgramWorker | null = null;
  private hear: (message: FromProgramWorker) => void = () => undefined;
  private ready: Promise<void> = Promise.resolve();

  constructor(
    private readonly spawn: SpawnProgramWorker,
    private readonly limitSeconds: number,
    private readonly startSeconds: number,
    private readonly notice: (text: string) => void,
  ) {}

  /** Runs one program and settles its job; never rejects. Gives the error when Python cannot be loaded. */
  async run(job: Job): Promise<LabError | null> {
    this.busy = true;
    this.closed = false;
    try {
      const worker = this.worker ?? this.start();
      await this.ready;
      job.done(await this.ask(worker, job.program));
      return null;
    } catch (cause) {
      if (this.closed) {
        job.done(null);
        return null;
      }
      this.close();
      const detail = cause instanceof Error ? cause.message : String(cause);
      const error = new LabError(
        'unsupported',
        `Python could not be loaded (${detail}), so programs cannot be graded. Try again, or use a file with natural-language chains of thought.`,
        { cause },
      );
      job.failed(error);
      return error;
    } finally {
      this.busy = false;
    }
  }

  close(): void {
    this.closed = true;
    this.worker?.terminate();
    this.worker = null;
    this.hear({ type: 'failed', message: 'it was closed' });
  }

  private start(): ProgramWorker {
    this.ready = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`it took more than ${this.startSeconds} s`)),
        this.startSeconds * 1000,
      );
      this.hear = (message) => {
        if (message.type === 'notice') return this.notice(message.text);
        clearTimeout(timer);
        if (message.type === 'failed') reject(new Error(message.message));
        else resolve();
      };
    });
    const worker = this.spawn((message) => {
      // A worker that was ended may still be heard.
      if (this.worker === worker) this.hear(message);
    });
    this.worker = worker;
    return worker;
  }

  /** What the program returned; null when it fails, breaks the interpreter or takes too long. */
  private ask(worker: ProgramWorker, program: string): Promise<string | null> {
    return new Promise((resolve) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const stop = () => {
        worker.terminate();
        if (this.worker === worker) this.worker = null;
        this.hear = () => undefined;
        resolve(null);
      };
      const limit = (seconds: number) => {
        clearTimeout(timer);
        timer = setTimeout(stop, seconds * 1000);
      };
      this.hear = (message) => {
        switch (message.type) {
          case 'started':
            return limit(this.limitSeconds);
          case 'result':
            clearTimeout(timer);
            return resolve(message.value);
          case 'failed':
            clearTimeout(timer);
            return stop();
          case 'notice':
            return this.notice(message.text);
          case 'ready':
        }
      };
      limit(this.startSeconds); // sympy may have to be fetched first
      worker.post({ type: 'run', program, sympy: wantsSympy(program) });
    });
  }
}
