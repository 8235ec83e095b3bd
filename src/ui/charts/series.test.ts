import { describe, expect, it } from 'vitest';
import type { MetricRow } from '../../runs/run';
import { extract, nearest, smooth, thin } from './series';

function rowsOf(values: readonly (number | undefined)[]): MetricRow[] {
  return values.map((loss, step) => {
    const row: MetricRow = { step, timestamp: step, values: { num_tokens: 10 * step } };
    if (loss !== undefined) row.values.loss = loss;
    return row;
  });
}

describe('extract', () => {
  it('passes over rows without the metric and keeps what is no number as a gap', () => {
    const points = extract(rowsOf([1, undefined, NaN, 3, Infinity]), 'loss', 'step');
    expect(points.map(({ step, raw }) => [step, raw])).toEqual([
      [0, 1],
      [2, null],
      [3, 3],
      [4, null],
    ]);
  });

  it('places values on the chosen axis and leaves out runs that do not count in it', () => {
    expect(extract(rowsOf([1, 2]), 'loss', 'num_tokens').map(({ x }) => x)).toEqual([0, 10]);
    expect(extract(rowsOf([1, 2]), 'loss', 'tokens_generated')).toEqual([]);
  });

  it('marks values that no line reaches', () => {
    const points = extract(rowsOf([1, NaN, 2, NaN, 3, 4]), 'loss', 'step');
    expect(points.map(({ lone }) => lone)).toEqual([true, false, true, false, false, false]);
  });

  it('reads the interval where there is one', () => {
    const rows = [{ step: 1, timestamp: 0, values: { a: 0.5, low: 0.4, high: 0.6 } }];
    expect(extract(rows, 'a', 'step', ['low', 'high'])[0]?.band).toEqual([0.4, 0.6]);
  });
});

describe('smooth', () => {
  it('leaves values alone at 0, and a constant at any factor', () => {
    const points = extract(rowsOf(Array.from({ length: 40 }, () => 5)), 'loss', 'step');
    expect(smooth(points, 0)).toEqual(points);
    for (const { y } of smooth(points, 0.9)) expect(y).toBeCloseTo(5, 12);
  });

  it('weighs the past as the corrected exponential mean does, and starts anew after a gap', () => {
    const values = [1, 3, NaN, 7, ...Array.from({ length: 16 }, () => 7)];
    const points = smooth(extract(rowsOf(values), 'loss', 'step'), 0.5);
    // Second: (0.5 * 0.5 * 1 + 0.5 * 3) / 0.75
    expect(points.slice(0, 4).map(({ y }) => y)).toEqual([1, 1.75 / 0.75, null, 7]);
  });

  it('leaves a series alone that is too short for a mean', () => {
    const points = extract(rowsOf([1, 3, 2, 7]), 'loss', 'step');
    expect(smooth(points, 0.9)).toEqual(points);
  });
});

describe('thin', () => {
  it('keeps every spike, every gap, and both ends', () => {
    const values = Array.from({ length: 10_000 }, (_, i) => Math.sin(i / 500));
    values[4321] = 40;
    values[4322] = -40;
    values[7000] = NaN;
    const kept = thin(extract(rowsOf(values), 'loss', 'step'), 100);
    expect(kept.length).toBeLessThan(210);
    const raw = kept.map((point) => point.raw);
    expect(raw).toContain(40);
    expect(raw).toContain(-40);
    expect(kept.find(({ step }) => step === 7000)?.raw).toBeNull();
    expect(kept[0]?.step).toBe(0);
    expect(kept.at(-1)?.step).toBe(9999);
  });

  it('keeps the order and leaves short series whole', () => {
    const points = extract(rowsOf([3, 1, 2]), 'loss', 'step');
    expect(thin(points, 100)).toEqual(points);
    const steps = thin(extract(rowsOf(Array.from({ length: 999 }, (_, i) => i % 7)), 'loss', 'step'), 50).map(
      ({ step }) => step,
    );
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
  });
});

describe('nearest', () => {
  it('finds the closest point on either side and at the ends', () => {
    const points = extract(rowsOf([1, 2, undefined, undefined, 5]), 'loss', 'step');
    expect([-3, 0.4, 0.6, 2.4, 2.6, 99].map((x) => nearest(points, x)?.step)).toEqual([0, 0, 1, 1, 4, 4]);
    expect(nearest([], 1)).toBeUndefined();
  });
});
