import { describe, expect, it } from 'vitest';
import { byMinute, type Look } from './minutes';

/** At two processor seconds a second. */
const look = (seconds: number, tokens: number, heap = 1, gpu = 1): Look => ({
  seconds,
  tokens,
  heap,
  gpu,
  cpu: 2 * seconds,
});

describe('byMinute', () => {
  it('gives a step that two minutes share to both, by its time', () => {
    // 10 tokens/s throughout; the looks lie anywhere.
    const minutes = byMinute([look(0, 0), look(37, 370), look(83, 830), look(120, 1200), look(150, 1500)]);
    expect(minutes.map(({ tokensPerSecond }) => tokensPerSecond)).toEqual([10, 10]);
  });

  it('sees a run that slows down, and takes what collection left of the heap and the most of the GPU', () => {
    const looks = [look(0, 0, 9, 5), look(30, 600, 4, 5), look(60, 1200, 8, 5), look(90, 1500, 6, 7)];
    expect(byMinute([...looks, look(120, 1800, 1, 1)])).toEqual([
      { tokensPerSecond: 20, tokensPerCpuSecond: 10, heap: 4, gpu: 5 },
      { tokensPerSecond: 10, tokensPerCpuSecond: 5, heap: 1, gpu: 7 },
    ]);
  });

  it('measures a minute without a look by the one that ends it', () => {
    const [first, second] = byMinute([look(0, 0), look(10, 100), look(150, 1500, 3, 2)]);
    expect(first).toMatchObject({ tokensPerSecond: 10, heap: 1, gpu: 2 });
    expect(second).toMatchObject({ tokensPerSecond: 10, heap: 3, gpu: 2 });
  });

  it('is empty before the first minute is full', () => {
    expect(byMinute([look(0, 0), look(59, 100)])).toEqual([]);
    expect(byMinute([])).toEqual([]);
  });
});
