import { describe, expect, test } from 'vitest';
import { BusyClock } from './busy_clock';

describe('BusyClock', () => {
  test('counts what lies between pieces of work, once where they overlap', async () => {
    let now = 100;
    const clock = new BusyClock(() => now);
    const ends: (() => void)[] = [];
    const work = (): Promise<void> => clock.until(new Promise<void>((resolve) => ends.push(resolve)));
    now += 5;
    const first = work();
    now += 50;
    const second = work();
    now += 50;
    expect(clock.idle).toBe(5);
    ends[0]?.();
    await first;
    now += 50;
    expect(clock.idle).toBe(5);
    ends[1]?.();
    await second;
    now += 7;
    expect(clock.idle).toBe(12);
  });

  test('ends with work that fails, and lets its error through', async () => {
    let now = 0;
    const clock = new BusyClock(() => now);
    await expect(clock.until(Promise.reject(new Error('lost')))).rejects.toThrow('lost');
    now = 3;
    expect(clock.idle).toBe(3);
  });
});
