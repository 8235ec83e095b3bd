/** Where a run's time goes, by phase, and how long it still has: the time it is paused counts for nothing. */
export class RunClock {
  private readonly spent: Record<string, number>;
  private phase: string | undefined;
  private since: number | undefined;
  private stepping: { step: number; seconds: number } | undefined;

  /** `now` in milliseconds; `seconds` what a run has spent before. */
  constructor(
    private readonly now: () => number,
    seconds: Record<string, number>,
  ) {
    this.spent = { ...seconds };
  }

  /** From now on the time belongs to `phase`, at `step`. */
  enter(phase: string, step: number): void {
    this.settle();
    this.phase = phase;
    this.since ??= this.now();
    this.stepping ??= { step, seconds: this.total() };
  }

  pause(): void {
    this.settle();
    this.since = undefined;
  }

  resume(): void {
    this.since ??= this.now();
  }

  /** Seconds by phase up to now. */
  seconds(): Record<string, number> {
    this.settle();
    return { ...this.spent };
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
    const now = this.now();
    if (this.phase !== undefined) {
      this.spent[this.phase] = (this.spent[this.phase] ?? 0) + (now - this.since) / 1000;
    }
    this.since = now;
  }
}
