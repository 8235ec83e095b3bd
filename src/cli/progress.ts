const BAR_WIDTH = 24;
const REDRAW_MS = 100;
const LINE_MS = 10_000;

/** Where a ProgressBar stands. */
export interface ProgressState {
  done: number;
  total: number;
  /** What is being done: "train", "generate". */
  label: string;
  /** Null while it cannot be said. */
  secondsLeft: number | null;
  /** A few figures behind the bar: "loss 0.412". */
  detail?: string;
}

/**
 * A progress bar with the time left, on standard error. On a terminal one line is redrawn; elsewhere (a log, a pipe) a
 * line is written at most every ten seconds.
 */
export class ProgressBar {
  private shown = -Infinity;
  private drawn = false;
  private lastLine = '';

  constructor(
    private readonly stream: Pick<NodeJS.WriteStream, 'write'> & { isTTY?: boolean; columns?: number },
    private readonly now: () => number = Date.now,
  ) {}

  update(state: ProgressState): void {
    const interval = this.stream.isTTY ? REDRAW_MS : LINE_MS;
    const isEnd = state.done >= state.total && state.total > 0;
    if (this.now() - this.shown < interval && !isEnd) return;
    this.shown = this.now();
    if (!this.stream.isTTY) {
      const line = progressLine(state, 0);
      if (line !== this.lastLine) this.stream.write(`${line}\n`);
      this.lastLine = line;
      return;
    }
    this.stream.write(`\r\x1b[K${progressLine(state, BAR_WIDTH).slice(0, (this.stream.columns ?? 80) - 1)}`);
    this.drawn = true;
  }

  /** Takes the bar off the terminal, so that what follows begins on a clean line. */
  end(): void {
    if (this.drawn) this.stream.write('\r\x1b[K');
    this.drawn = false;
  }
}

/** One line: label, bar (when `width` > 0), done of total, percent, time left, detail. */
export function progressLine(
  { done, total, label, secondsLeft, detail }: ProgressState,
  width: number,
): string {
  if (total === 0) return [label, detail].filter(Boolean).join('  ');
  const share = Math.min(1, done / total);
  const filled = Math.round(share * width);
  const bar = width > 0 ? `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}]` : '';
  const left = secondsLeft === null ? '' : `${duration(secondsLeft)} left`;
  const percent = `${Math.floor(share * 100)} %`;
  return [label.padEnd(10), bar, `${done}/${total}`, percent, left, detail].filter(Boolean).join('  ');
}

/** Seconds as people write them: "0:07", "12:30", "1:02:03". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Seconds left by the mean time of what is done, or null before anything is. */
export function secondsLeft(started: number, now: number, done: number, total: number): number | null {
  return done > 0 ? ((now - started) / 1000 / done) * (total - done) : null;
}
