/** Thrown inside a recipe when a person stops its run: not a failure, everything made so far is kept. */
export class RunStopped extends Error {
  constructor() {
    super('The run was stopped.');
    this.name = 'RunStopped';
  }
}

/** Pause, resume and stop of one run: asked for from outside, obeyed between two pieces of GPU work. */
export class RunControl {
  private stopped = false;
  private waiting: (() => void) | undefined;
  private gate: Promise<void> | undefined;
  /** Called when the run really stands still, and when it goes on. */
  onPause: ((paused: boolean) => Promise<void>) | undefined;

  get isPaused(): boolean {
    return this.gate !== undefined;
  }

  pause(): void {
    this.gate ??= new Promise((resolve) => {
      this.waiting = resolve;
    });
  }

  resume(): void {
    this.waiting?.();
    this.gate = undefined;
    this.waiting = undefined;
  }

  stop(): void {
    this.stopped = true;
    this.resume();
  }

  /** Waits while paused; `settle` first finishes what is under way. Errors: `RunStopped`. */
  async checkpointPause(settle?: () => Promise<void>): Promise<void> {
    if (this.gate || this.stopped) await settle?.();
    if (this.gate && !this.stopped) {
      await this.onPause?.(true);
      await this.gate;
      if (!this.stopped) await this.onPause?.(false);
    }
    if (this.stopped) throw new RunStopped();
  }
}
