/**
 * Gathers what the engine says and hands it over together, at most once in PACE_MS, so that a run costs the page one render
 * at a time. By a timer, not by frames: the work is then a task of its own beside the browser's layout and paint, and
 * goes on in a hidden tab, which gets no frames.
 */
const PACE_MS = 16;

export interface Clock {
  timer(callback: () => void, milliseconds: number): number;
  cancelTimer(handle: number): void;
}

export interface EventBatch<T> {
  push(item: T): void;
  /** Hands over now what has gathered. */
  flush(): void;
}

export function eventBatch<T>(clock: Clock, consume: (items: readonly T[]) => void): EventBatch<T> {
  let items: T[] = [];
  let timer: number | undefined;
  const flush = () => {
    if (timer !== undefined) clock.cancelTimer(timer);
    timer = undefined;
    if (items.length === 0) return;
    const batch = items;
    items = [];
    consume(batch);
  };
  return {
    flush,
    push(item) {
      items.push(item);
      timer ??= clock.timer(flush, PACE_MS);
    },
  };
}

/** The browser's own clock. */
export const pageClock: Clock = {
  timer: (callback, milliseconds) => window.setTimeout(callback, milliseconds),
  cancelTimer: (handle) => window.clearTimeout(handle),
};
