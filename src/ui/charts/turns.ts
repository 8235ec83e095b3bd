/** Drawing one chart a task: several charts redrawn at once would hold the page longer than a frame. */
import { useEffect, useState } from 'react';

const waiting: (() => void)[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;

/** Runs `draw` in a task of its own, after those that came before it. Returns a function that takes it back. */
export function takeTurn(draw: () => void): () => void {
  waiting.push(draw);
  timer ??= setTimeout(next);
  return () => {
    const place = waiting.indexOf(draw);
    if (place >= 0) waiting.splice(place, 1);
  };
}

function next(): void {
  timer = undefined;
  const draw = waiting.shift();
  if (waiting.length > 0) timer = setTimeout(next);
  draw?.();
}

/** The newest value for which this component has had its turn; null before the first. */
export function useTurn<T>(value: T): T | null {
  const [shown, setShown] = useState<T | null>(null);
  useEffect(() => takeTurn(() => setShown(() => value)), [value]);
  return shown;
}
