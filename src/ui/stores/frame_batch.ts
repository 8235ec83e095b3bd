/**
 * Gathers what the engine says and hands it over at most once a frame, so that a run never costs the page more than one
 * render a frame. A timer stands behind the frame: hidden tabs get no frames, and the run goes on there.
 */
const HIDDEN_TAB_MS = 250;

export interface Clock {
  frame(callback: () => void): number;
  cancelFrame(handle: number): void;
  timer(callback: () => void, milliseconds: number): number;
  cancelTimer(handle: number): void;
}

export interface FrameBatch<T> {
  push(item: T): void;
  /** Hands over now what has gathered. */
  flush(): void;
}

export function frameBatch<T>(clock: Clock, consume: (items: readonly T[]) => void): FrameBatch<T> {
  let items: T[] = [];
  let frame = 0;
  let timer = 0;
  let waiting = false;
  const flush = () => {
    if (waiting) {
      clock.cancelFrame(frame);
      clock.cancelTimer(timer);
      waiting = false;
    }
    if (items.length === 0) return;
    const batch = items;
    items = [];
    consume(batch);
  };
  return {
    flush,
    push(item) {
      items.push(item);
      if (waiting) return;
      waiting = true;
      frame = clock.frame(flush);
      timer = clock.timer(flush, HIDDEN_TAB_MS);
    },
  };
}

/** The browser's own clock. */
export const pageClock: Clock = {
  frame: (callback) => requestAnimationFrame(callback),
  cancelFrame: (handle) => cancelAnimationFrame(handle),
  timer: (callback, milliseconds) => window.setTimeout(callback, milliseconds),
  cancelTimer: (handle) => window.clearTimeout(handle),
};
