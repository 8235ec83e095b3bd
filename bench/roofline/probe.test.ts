import { describe, expect, test } from 'vitest';
import { measureRate, workFor, type Probe } from './probe';

/** A clock that does not wait: so many milliseconds for so much work. */
const probe = (milliseconds: (work: number, call: number) => number): Probe =>
  (() => {
    let call = 0;
    return async (work: number) => milliseconds(work, call++);
  })();

describe('the doubling check', () => {
  test('work that takes its time has a rate', async () => {
    const { rate, doubling } = await measureRate(probe((work) => 0.03 * work));
    expect(rate).toBeCloseTo(1 / 0.03, 6);
    expect(doubling).toBeCloseTo(2, 10);
  });

  test('a small fixed cost is allowed, and a fifth is not', async () => {
    expect((await measureRate(probe((work) => 0.5 + work))).rate).not.toBeNull();
    expect((await measureRate(probe((work) => 6 + work))).rate).toBeNull();
  });

  test('work that a compiler removed has none: its time does not grow', async () => {
    expect(await measureRate(probe(() => 20))).toEqual({ rate: null, doubling: 1 });
    expect((await measureRate(probe(() => 0.01))).rate).toBeNull();
  });

  test('nor has work that grows faster than itself', async () => {
    expect((await measureRate(probe((work) => work ** 2))).rate).toBeNull();
  });

  test('one disturbed sample does not count, and a disturbed attempt is repeated', async () => {
    const spiked = await measureRate(probe((work, call) => work * (call === 8 ? 30 : 1)));
    expect(spiked.rate).toBeCloseTo(1, 6);
    const calls = 6 + 10; // calibration, then the first attempt
    const busy = await measureRate(probe((work, call) => work * (call < calls && call % 2 ? 5 : 1)));
    expect(busy.rate).toBeCloseTo(1, 6);
  });
});

test('the work of a sample is doubled until it takes long enough for the clock', async () => {
  const work = await workFor(probe((units) => 0.1 * units));
  expect(work).toBe(128);
  expect(await workFor(probe(() => 0))).toBeNull();
});
