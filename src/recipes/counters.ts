/** What every row of metrics counts: carried from a warm-up into the run that starts from it. */
export class Counters {
  step = 0;
  epoch: number;
  /** Completion tokens trained on, every pass counted. */
  num_tokens: number;
  tokens_generated: number;
  private readonly started = performance.now();
  private readonly before: number;
  private lastTokens = 0;
  private lastTime = performance.now();

  constructor(start: StartCounters = { epoch: 0, num_tokens: 0, tokens_generated: 0, seconds: 0 }) {
    this.epoch = start.epoch;
    this.num_tokens = start.num_tokens;
    this.tokens_generated = start.tokens_generated;
    this.before = start.seconds;
    this.lastTokens = start.num_tokens + start.tokens_generated;
  }

  get seconds(): number {
    return this.before + (performance.now() - this.started) / 1000;
  }

  /** The columns common to all recipes; tokens_per_s is of the time since the last row. */
  row(): Record<string, number> {
    const tokens = this.num_tokens + this.tokens_generated;
    const now = performance.now();
    const rate = (tokens - this.lastTokens) / Math.max(1e-3, (now - this.lastTime) / 1000);
    this.lastTokens = tokens;
    this.lastTime = now;
    return {
      epoch: this.epoch,
      num_tokens: this.num_tokens,
      tokens_generated: this.tokens_generated,
      seconds: this.seconds,
      'throughput/tokens_per_s': rate,
    };
  }

  save(): StartCounters {
    const { epoch, num_tokens, tokens_generated, seconds } = this;
    return { epoch, num_tokens, tokens_generated, seconds };
  }
}

export interface StartCounters {
  epoch: number;
  num_tokens: number;
  tokens_generated: number;
  seconds: number;
}
