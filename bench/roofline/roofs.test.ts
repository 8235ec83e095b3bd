import { expect, test } from 'vitest';
import { fractionOfRoof, leastMilliseconds, streamRoof, type Roofs } from './roofs';

const ROOFS: Roofs = {
  copy_gb_s: 10,
  fma_gflop_s: 100,
  streams: [
    { stream: 'copy', bytes: 1e8, gb_s: 10 },
    { stream: 'copy', bytes: 1e6, gb_s: 40 },
    { stream: 'copy', bytes: 1e3, gb_s: 1 },
    { stream: 'in_place', bytes: 1e8, gb_s: 20 },
  ],
};

test('small traffic may use a cache, and no roof is lower for less traffic', () => {
  expect(streamRoof(ROOFS, 'copy', 1e9)).toBe(10);
  expect(streamRoof(ROOFS, 'copy', 1e6)).toBe(40);
  expect(streamRoof(ROOFS, 'copy', 10)).toBe(40);
});

test('memory written in place has a roof of its own, at least a copy’s; what is only read at least that', () => {
  expect(streamRoof(ROOFS, 'in_place', 1e9)).toBe(20);
  expect(streamRoof(ROOFS, 'in_place', 10)).toBe(40);
  expect(streamRoof(ROOFS, 'read', 1e9)).toBe(20);
  expect(streamRoof(ROOFS, 'copy', 1e9)).toBe(10);
  expect(streamRoof({ ...ROOFS, streams: [] }, 'copy', 1)).toBeNull();
  expect(fractionOfRoof({ flops: 0, bytes: 1e9, stream: 'in_place' }, 100, ROOFS)).toBeCloseTo(0.5, 10);
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
