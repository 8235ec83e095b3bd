import { describe, expect, it } from 'vitest';
import { areaPath, dotPath, gridPath, linePath } from './paths';

const box = { x: { min: 0, max: 10, ticks: [] }, y: { min: -1, max: 1, ticks: [] } };

describe('linePath', () => {
  it('runs from the lower left to the upper right, and breaks where there is no value', () => {
    const points = [
      { x: 0, y: -1 },
      { x: 5, y: 0 },
      { x: 6, y: null },
      { x: 10, y: 1 },
    ];
    expect(linePath(points, box)).toBe('M0 1000L500 500M1000 0');
  });
});

describe('areaPath', () => {
  it('goes there along the upper ends and back along the lower, each unbroken run by itself', () => {
    const range = (low: number, high: number): [number, number] => [low, high];
    const stretches = [
      { x: 0, range: range(-1, 0) },
      { x: 1, range: range(0, 1) },
      { x: 2, range: null },
      { x: 3, range: range(0, 1) },
      { x: 4, range: null },
      { x: 9, range: range(-1, 1) },
      { x: 10, range: range(-1, 1) },
    ];
    expect(areaPath(stretches, box)).toBe('M0 500L100 0L100 500L0 1000ZM900 0L1000 0L1000 1000L900 1000Z');
  });
});

describe('dots and grid', () => {
  it('mark what has a value', () => {
    const points = [
      { x: 10, y: 0 },
      { x: 1, y: null },
    ];
    expect(dotPath(points, box)).toBe('M1000 500h0');
    expect(gridPath([-1, 1], box)).toBe('M0 1000H1000M0 0H1000');
  });
});
