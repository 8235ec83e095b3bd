/** Drawing one chart at a time: several charts redrawn at once would hold the page longer than a frame. */
import { useEffect, useState } from 'react';

/**
 * From one turn to the next. The drawing library finishes what it is given in the next animation frame, all charts that are
 * then waiting in one task; two frames lie between turns, so that there is one.
 */
const TURN_MS = 34;

const waiting: (() => void)[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;

/** Runs `draw` in a task and frame of its own, after those that came before it. Returns a function that takes it back. */
export function takeTurn(draw: () => void): () => void {
  waiting.push(draw);
  timer ??= setTimeout(next);
  return () => {
    const place = waiting.indexOf(draw);
    if (place >= 0) waiting.splice(place, 1);
  };
}

function next(): void {
  const draw = waiting.shift();
  // Also after the last: whoever comes next must not share its frame.
  timer = draw && setTimeout(next, TURN_MS);
  draw?.();
}

/** The newest value for which this component has had its turn; null before the first. */
export function useTurn<T>(value: T): T | null {
  const [shown, setShown] = useState<T | null>(null);
  useEffect(() => takeTurn(() => setShown(() => value)), [value]);
  return shown;
}
