import { expect, it } from 'vitest';
import { eventBatch, type Clock } from './event_batch';

/** A clock whose timers come when the test says so. */
function handClock() {
  let timer: (() => void) | undefined;
  const clock: Clock = {
    timer: (callback) => ((timer = callback), 1),
    cancelTimer: () => (timer = undefined),
  };
  return { clock, timer: () => timer?.() };
}

it('hands over what came since the last time, once', () => {
  const { clock, timer } = handClock();
  const batches: number[][] = [];
  const batch = eventBatch<number>(clock, (items) => batches.push([...items]));
  batch.push(1);
  batch.push(2);
  expect(batches).toEqual([]);
  timer();
  timer();
  batch.push(3);
  timer();
  expect(batches).toEqual([[1, 2], [3]]);
});

it('hands over at once when asked, and nothing when there is nothing', () => {
  const { clock, timer } = handClock();
  const batches: number[][] = [];
  const batch = eventBatch<number>(clock, (items) => batches.push([...items]));
  batch.flush();
  batch.push(1);
  batch.flush();
  timer();
  expect(batches).toEqual([[1]]);
});
