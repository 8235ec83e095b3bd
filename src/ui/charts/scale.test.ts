import { describe, expect, it } from 'vitest';
import { niceScale, spread, ticksWithin } from './scale';

describe('niceScale', () => {
  it('covers the range with round ticks', () => {
    expect(niceScale(0.03, 0.94, 4)).toEqual({ min: 0, max: 1, ticks: [0, 0.5, 1] });
    expect(niceScale(-3.2, 7.9, 4)).toEqual({ min: -5, max: 10, ticks: [-5, 0, 5, 10] });
  });

  it('has no binary dust in its ticks', () => {
    expect(niceScale(0, 0.35, 4).ticks).toEqual([0, 0.1, 0.2, 0.3, 0.4]);
  });

  it('widens a range of no width and stands in for one that is none', () => {
    const one = niceScale(2, 2, 4);
    expect(one.min).toBeLessThan(2);
    expect(one.max).toBeGreaterThan(2);
    expect(niceScale(Infinity, -Infinity, 4)).toEqual(niceScale(0, 1, 4));
  });

  it('holds for very small figures', () => {
    const { min, max, ticks } = niceScale(1e-7, 9e-7, 4);
    expect(min).toBe(0);
    expect(max).toBeCloseTo(1e-6, 12);
    expect(new Set(ticks).size).toBe(ticks.length);
  });
});

describe('ticksWithin', () => {
  it('stays inside the range, in whole numbers where asked', () => {
    expect(ticksWithin(0, 60, 5)).toEqual([0, 20, 40, 60]);
    expect(ticksWithin(0, 3, 5, true)).toEqual([0, 1, 2, 3]);
    expect(ticksWithin(0, 2.5, 5)).toEqual([0, 0.5, 1, 1.5, 2, 2.5]);
  });
});

describe('spread', () => {
  it('pushes labels apart, keeps their order and the limits', () => {
    expect(spread([50, 52], 15, 0, 100)).toEqual([50, 65]);
    expect(spread([99, 98], 15, 0, 100)).toEqual([100, 85]);
    expect(spread([10, 60], 15, 0, 100)).toEqual([10, 60]);
  });
});
