import { expect, test } from 'vitest';
import { fitPower } from './fit';

const series = (xs: readonly number[], y: (x: number) => number) => xs.map((x) => ({ x, y: y(x) }));
const XS = [64, 128, 256, 1024, 4096];

test('a power law is found again, with its scale', () => {
  for (const exponent of [0, 0.5, 1, 2.25]) {
    const fit = fitPower(series(XS, (x) => 3 * x ** exponent));
    expect(fit.exponent).toBeCloseTo(exponent, 10);
    expect(fit.steepest).toBeCloseTo(exponent, 10);
    expect(fit.scale).toBeCloseTo(3, 8);
  }
});

test('a cliff is seen where it is, though the fit smooths it', () => {
  const fit = fitPower(series(XS, (x) => (x >= 1024 ? 10 * x : x)));
  expect(fit.steepestAt).toBe(1024);
  expect(fit.steepest).toBeCloseTo(1 + Math.log(10) / Math.log(4), 10);
  expect(fit.exponent).toBeGreaterThan(1.3);
  expect(fit.exponent).toBeLessThan(fit.steepest);
});

test('fixed costs lower the exponent of small work', () => {
  expect(fitPower(series(XS, (x) => 500 + x)).exponent).toBeLessThan(0.7);
});

test('refuses what has no logarithm, and a single point', () => {
  expect(() => fitPower([{ x: 1, y: 2 }])).toThrow(/two points/);
  expect(() => fitPower(series([1, 2], (x) => x - 1))).toThrow(/positive/);
});
