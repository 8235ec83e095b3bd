import { expect, test } from 'vitest';
import { copyRoof, fractionOfRoof, leastMilliseconds, type Roofs } from './roofs';

const ROOFS: Roofs = {
  copy_gb_s: 10,
  fma_gflop_s: 100,
  copies: [
    { bytes: 1e6, gb_s: 40 },
    { bytes: 1e3, gb_s: 1 },
  ],
};

test('small traffic may use a cache, and no roof is lower for less traffic', () => {
  expect(copyRoof(ROOFS, 1e9)).toBe(10);
  expect(copyRoof(ROOFS, 1e6)).toBe(40);
  expect(copyRoof(ROOFS, 10)).toBe(40);
});

test('the slower of arithmetic and traffic decides', () => {
  expect(leastMilliseconds({ flops: 1e9, bytes: 0 }, ROOFS)).toBeCloseTo(10, 10);
  expect(leastMilliseconds({ flops: 1e9, bytes: 1e9 }, ROOFS)).toBeCloseTo(100, 10);
  expect(fractionOfRoof({ flops: 1e9, bytes: 1e8 }, 40, ROOFS)).toBeCloseTo(0.25, 10);
});

test('without a roof there is no share of it', () => {
  const unknown = { ...ROOFS, fma_gflop_s: null };
  expect(fractionOfRoof({ flops: 1, bytes: 1 }, 1, unknown)).toBeUndefined();
  expect(fractionOfRoof({ flops: 0, bytes: 1e9 }, 200, unknown)).toBeCloseTo(0.5, 10);
  expect(fractionOfRoof({ flops: 1, bytes: 1 }, 0, ROOFS)).toBeUndefined();
});
