import { LabError } from '../errors';
import { RunClock } from './run_clock';
import type {
  AuditRecord,
  CompletionRecord,
  EvaluationRecord,
  MetricRow,
  RunEventRecord,
  RunFolder,
  RunRecord,
  RunStatus,
} from './run';
import { RunWriter, type FileMap } from './run_writer';

/** Where a run stands right now. */
export interface RunProgress {
  status: RunStatus;
  step: number;
  total: number;
  /** "loading model", "generate", "score", "train", "evaluate" … */
  phase: string;
  /** The last `throughput/tokens_per_s` the recipe logged; 0 before the first. */
  tokensPerSecond: number;
  /** From the mean time a step has taken; null before the first step is done. */
  secondsLeft: number | null;
  /** Where time went so far, by phase. */
  seconds: Record<string, number>;
  /** Seconds in which completions were being graded, beside the phases. */
  gradeSeconds: number;
}

/** Who wants to hear of a run as it happens; series and records after the matching file was written. */
export interface RunListener {
  progress?(progress: RunProgress): void;
  metrics?(row: MetricRow): void;
  completions?(rows: CompletionRecord[]): void;
  evaluation?(record: EvaluationRecord): void;
  event?(record: RunEventRecord): void;
  /** The run began, paused, went on or ended, or its record knows something new (kl_at_start). */
  status?(record: RunRecord): void;
}

export interface RecorderOptions {
  folder: RunFolder;
  /** The run as it begins; the recorder keeps its own copy. */
  record: RunRecord;
  /** Columns of metrics.csv, in order: the recipe's `metrics`, the time columns among them. */
  metricKeys: readonly string[];
  listener?: RunListener;
  /** Milliseconds since the epoch. */
  now?: () => number;
  /** Milliseconds in which the GPU had nothing to do, since any moment. */
  idle?: () => number;
}

const RECORD_INTERVAL_MS = 1000;
/** Writes that may lie ahead of the disk before a recipe waits for them. */
const MOST_BEHIND = 16;

/**
 * The log of one run: what a recipe reports goes to the run's folder and to a listener. Fulfils the recipes' `RunLog`,
 * in the browser's worker and on the command line alike. Files are written behind the recipe, in the order of its calls, so
 * that the GPU does not wait for a disk; a write that fails is told by the next call, or by `settled`.
 */
export class RunRecorder {
  private readonly now: () => number;
  private readonly clock: RunClock;
  private readonly state: RunRecord;
  private phase = 'loading';
  private tokensPerSecond = 0;
  private recordWritten = 0;
  private lastUnkept: string | undefined;
  private readonly kept = new Set<string>();
  private savePolicy: (() => Promise<FileMap>) | undefined;
  private lastWrite: Promise<void> = Promise.resolve();
  private behind = 0;
  private failed: { cause: unknown } | undefined;

  private constructor(
    private readonly writer: RunWriter,
    private readonly options: RecorderOptions,
  ) {
    this.state = structuredClone(options.record);
    this.now = options.now ?? Date.now;
    const { seconds, grade_seconds: gradeSeconds = 0 } = this.state;
    const { idle } = options;
    this.clock = new RunClock({ now: this.now, seconds, gradeSeconds, ...(idle ? { idle } : {}) });
  }

  /** Begins the run's folder and tells the listener. */
  static async create(options: RecorderOptions): Promise<RunRecorder> {
    const writer = await RunWriter.create(options.folder, options.record, options.metricKeys);
    const recorder = new RunRecorder(writer, options);
    options.listener?.status?.(recorder.record);
    return recorder;
  }

  /** The run as it stands; a copy. */
  get record(): RunRecord {
    const [seconds, grade_seconds] = [this.clock.seconds(), this.clock.gradeSeconds()];
    return structuredClone({ ...this.state, seconds, ...(grade_seconds > 0 ? { grade_seconds } : {}) });
  }

  /** Says how the policy's files are made, once there is a policy: called by every checkpoint. */
  saveWith(save: () => Promise<FileMap>): void {
    this.savePolicy = save;
  }

  progress(step: number, total: number, phase: string): void {
    this.state.step = step;
    this.state.total_steps = total;
    this.phase = phase;
    this.clock.enter(phase, step);
    this.tell();
  }

  /** Counts the time `work` takes as grading. */
  grading<T>(work: () => Promise<T>): Promise<T> {
    return this.clock.grading(work);
  }

  /** Adds to the values where the time since the last row went. */
  async metrics(step: number, measured: Record<string, number>): Promise<void> {
    const values = { ...measured, ...this.clock.row() };
    const row = { step, timestamp: this.now() / 1000, values };
    this.tokensPerSecond = values['throughput/tokens_per_s'] ?? this.tokensPerSecond;
    await this.later(async () => {
      await this.writer.metrics(row);
      this.options.listener?.metrics?.(row);
      if (this.now() - this.recordWritten >= RECORD_INTERVAL_MS) await this.writeRecord();
    });
  }

  async completions(rows: CompletionRecord[]): Promise<void> {
    await this.later(async () => {
      await this.writer.completions(rows);
      this.options.listener?.completions?.(rows);
    });
  }

  /**
   * Keeps the last evaluation of each split and, of the candidates on validation, the best (the first of equals).
   * Resolves to whether this one is the best so far.
   */
  async evaluation(record: EvaluationRecord, candidate: boolean): Promise<boolean> {
    let best = false;
    if (record.split === 'test') {
      this.state.test = record;
    } else {
      this.state.validation = record;
      best = candidate && (!this.state.best || record.accuracy > this.state.best.accuracy);
      if (best) this.state.best = record;
    }
    await this.later(async () => {
      await this.writeRecord();
      this.options.listener?.evaluation?.(record);
    });
    return best;
  }

  async event(record: RunEventRecord): Promise<void> {
    this.state.events.push(record);
    await this.later(async () => {
      await this.writeRecord();
      this.options.listener?.event?.(record);
    });
  }

  async audit(rows: AuditRecord[]): Promise<void> {
    await this.later(() => this.writer.audit(rows));
  }

  /**
   * Saves the policy under checkpoints/<name>/, whole or not at all. Resolves when it is written: its files are read from
   * the GPU piece by piece on their way to the disk, and until then it must not change. With `keep` false it takes the place of the last one saved so: the room a run needs does not grow with its length.
   */
  async checkpoint(name: string, { keep }: { keep: boolean }): Promise<void> {
    if (!this.savePolicy) throw new LabError('bug', 'A checkpoint was asked for before there was a policy.');
    await this.lastWrite;
    const files = await this.savePolicy();
    await this.later(async () => {
      await this.writer.files(`checkpoints/${name}`, files);
      if (keep) this.kept.add(name);
      const replaced = this.lastUnkept;
      if (!keep && replaced !== undefined && replaced !== name && !this.kept.has(replaced)) {
        await this.writer.remove(`checkpoints/${replaced}`);
      }
      if (!keep) this.lastUnkept = name;
      await this.writeRecord();
    });
    await this.settled();
  }

  async klAtStart(kl: number): Promise<void> {
    this.state.kl_at_start = kl;
    await this.later(async () => {
      await this.writeRecord();
      this.options.listener?.status?.(this.record);
    });
  }

  /** Writes what a run leaves: the final model, a Hugging Face folder, to model/, and an adapter, PEFT's folder, to adapter/. */
  async results({ model, adapter }: { model: FileMap; adapter?: FileMap }): Promise<void> {
    await this.writer.files('model', model);
    if (adapter) await this.writer.files('adapter', adapter);
  }

  /** The run began to run, was paused, or goes on. The time it stands still is nobody's. */
  async setStatus(status: RunStatus): Promise<void> {
    if (status === 'running') this.clock.resume();
    else this.clock.pause();
    await this.lastWrite;
    this.state.status = status;
    await this.writeRecord();
    this.options.listener?.status?.(this.record);
    this.tell();
  }

  /** Ends the run: done, stopped (by a person) or failed (with the error). */
  async finish(
    status: 'done' | 'stopped' | 'failed',
    error?: { code: string; message: string },
  ): Promise<RunRecord> {
    this.clock.pause();
    await this.lastWrite;
    this.state.finished = new Date(this.now()).toISOString();
    if (error) this.state.error = { code: error.code, message: error.message };
    await this.setStatus(status);
    return this.record;
  }

  /** Resolves when everything reported so far is written. Errors: the first write that failed and was not told yet. */
  async settled(): Promise<void> {
    await this.lastWrite;
    this.tellFailure();
  }

  /** Begins a write when those before it are done. */
  private async later(write: () => Promise<void>): Promise<void> {
    this.tellFailure();
    this.behind += 1;
    this.lastWrite = this.lastWrite
      .then(write)
      .catch((cause: unknown) => void (this.failed ??= { cause }))
      .finally(() => (this.behind -= 1));
    if (this.behind > MOST_BEHIND) await this.settled();
  }

  private tellFailure(): void {
    const { failed } = this;
    this.failed = undefined;
    if (failed) throw failed.cause;
  }

  private async writeRecord(): Promise<void> {
    this.recordWritten = this.now();
    await this.writer.record(this.record);
  }

  private tell(): void {
    const { status, step, total_steps: total } = this.state;
    this.options.listener?.progress?.({
      status,
      step,
      total,
      phase: this.phase,
      tokensPerSecond: this.tokensPerSecond,
      secondsLeft: this.clock.secondsLeft(step, total),
      seconds: this.clock.seconds(),
      gradeSeconds: this.clock.gradeSeconds(),
    });
  }
}
