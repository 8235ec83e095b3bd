/**
 * How long the GPU has had nothing to do: the time in which nothing submitted was waited for. Work whose end nobody waits
 * for counts with the work behind it.
 */
export class BusyClock {
  private running = 0;
  private idleBefore = 0;
  private idleSince: number;

  /** `now` in milliseconds. */
  constructor(private readonly now: () => number = () => performance.now()) {
    this.idleSince = now();
  }

  /** Milliseconds of idleness so far. */
  get idle(): number {
    return this.idleBefore + (this.running ? 0 : this.now() - this.idleSince);
  }

  /** Says that the GPU is at work until `work` settles. Resolves and rejects as `work` does. */
  async until<T>(work: Promise<T>): Promise<T> {
    if (this.running++ === 0) this.idleBefore += this.now() - this.idleSince;
    try {
      return await work;
    } finally {
      if (--this.running === 0) this.idleSince = this.now();
    }
  }
}
