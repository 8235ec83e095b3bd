/** What the GPU can be busy with; the rest of a run's time is `waiting`. */
export const PHASES = ['generate', 'score', 'train', 'evaluate'] as const;

export interface ClockOptions {
  /** Milliseconds. */
  now: () => number;
  /** Milliseconds in which the GPU had nothing to do, since any moment. */
  idle?: () => number;
  /** Seconds a run has spent before, by phase and in grading. */
  seconds: Record<string, number>;
  gradeSeconds: number;
}

/**
 * Where a run's time goes. Every moment belongs to one phase, or to `waiting` while the GPU has nothing to do, so that the
 * parts add up to the run's time; the time it is paused counts for nothing. Grading runs beside the phases and is counted
 * apart.
 */
export class RunClock {
  private readonly options: Required<ClockOptions>;
  private readonly spent: Record<string, number>;
  private phase: string | undefined;
  private since: number | undefined;
  private idleSince = 0;
  private stepping: { step: number; seconds: number } | undefined;
  private gradings = 0;
  private gradingSince = 0;
  private graded: number;
  private lastRow: Record<string, number> = {};

  constructor(options: ClockOptions) {
    this.options = { idle: () => 0, ...options };
    this.spent = { ...options.seconds };
    this.graded = options.gradeSeconds;
  }

  /** From now on the time belongs to `phase`, at `step`. */
  enter(phase: string, step: number): void {
    this.settle();
    this.phase = phase;
    this.resume();
    this.stepping ??= { step, seconds: this.total() };
  }

  pause(): void {
    this.settle();
    this.since = undefined;
  }

  resume(): void {
    if (this.since !== undefined) return;
    this.since = this.options.now();
    this.idleSince = this.options.idle();
  }

  /** Counts the time until `work` settles as grading: once where several overlap. */
  async grading<T>(work: () => Promise<T>): Promise<T> {
    if (this.gradings++ === 0) this.gradingSince = this.options.now();
    try {
      return await work();
    } finally {
      if (--this.gradings === 0) this.graded += (this.options.now() - this.gradingSince) / 1000;
    }
  }

  /** Seconds by phase up to now. */
  seconds(): Record<string, number> {
    this.settle();
    return { ...this.spent };
  }

  /** Seconds in which completions were being graded, up to now. */
  gradeSeconds(): number {
    const running = this.gradings ? (this.options.now() - this.gradingSince) / 1000 : 0;
    return this.graded + running;
  }

  /** The time columns of a metrics row: seconds since the last row, the first since the beginning. */
  row(): Record<string, number> {
    const now = { ...this.seconds(), grade: this.gradeSeconds() };
    const last = this.lastRow;
    this.lastRow = now;
    const since = (part: string): number => (now[part as keyof typeof now] ?? 0) - (last[part] ?? 0);
    return Object.fromEntries([...PHASES, 'waiting', 'grade'].map((part) => [`time/${part}`, since(part)]));
  }

  /** Seconds to the end by the mean time of the steps done since the first `enter`; null before one is done. */
  secondsLeft(step: number, total: number): number | null {
    if (!this.stepping || step <= this.stepping.step || total < step) return null;
    this.settle();
    const perStep = (this.total() - this.stepping.seconds) / (step - this.stepping.step);
    return perStep * (total - step);
  }

  private total(): number {
    return Object.values(this.spent).reduce((sum, seconds) => sum + seconds, 0);
  }

  private settle(): void {
    if (this.since === undefined) return;
    const [now, idle] = [this.options.now(), this.options.idle()];
    const elapsed = now - this.since;
    const waited = Math.max(0, Math.min(elapsed, idle - this.idleSince));
    if (this.phase !== undefined) {
      this.add(this.phase, elapsed - waited);
      if (waited > 0) this.add('waiting', waited);
    }
    this.since = now;
    this.idleSince = idle;
  }

  private add(part: string, milliseconds: number): void {
    this.spent[part] = (this.spent[part] ?? 0) + milliseconds / 1000;
  }
}
