import { expect, it } from 'vitest';
import { frameBatch, type Clock } from './frame_batch';

/** A clock whose frames and timers come when the test says so. */
function handClock() {
  let frame: (() => void) | undefined;
  let timer: (() => void) | undefined;
  const clock: Clock = {
    frame: (callback) => ((frame = callback), 1),
    cancelFrame: () => (frame = undefined),
    timer: (callback) => ((timer = callback), 1),
    cancelTimer: () => (timer = undefined),
  };
  return { clock, frame: () => frame?.(), timer: () => timer?.() };
}

it('hands over what came since the last frame, once', () => {
  const { clock, frame, timer } = handClock();
  const batches: number[][] = [];
  const batch = frameBatch<number>(clock, (items) => batches.push([...items]));
  batch.push(1);
  batch.push(2);
  expect(batches).toEqual([]);
  frame();
  timer();
  batch.push(3);
  frame();
  expect(batches).toEqual([[1, 2], [3]]);
});

it('goes by the timer where there are no frames', () => {
  const { clock, timer } = handClock();
  const batches: number[][] = [];
  const batch = frameBatch<number>(clock, (items) => batches.push([...items]));
  batch.push(1);
  timer();
  expect(batches).toEqual([[1]]);
});

it('hands over at once when asked, and nothing when there is nothing', () => {
  const { clock, frame } = handClock();
  const batches: number[][] = [];
  const batch = frameBatch<number>(clock, (items) => batches.push([...items]));
  batch.flush();
  batch.push(1);
  batch.flush();
  frame();
  expect(batches).toEqual([[1]]);
});
