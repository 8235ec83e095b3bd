import { expect, test } from 'vitest';
import { testNumbers } from './case_numbers';
import { expectClose, expectGradient } from './compare';
import { ropeTable } from './rope';
import { ropeCases } from './rope.cases';
import { ropeReference } from './rope.reference';
import { describeCases } from './testing';

describeCases('rope', ropeCases);

const dims = { N: 3, QKV: 24, heads: 2, HS: 8 };
const positions = [0, 5, 2];
const table = ropeTable(6, 8, 100);

test('the reference rotated back is its gradient', () => {
  const x = Float64Array.from(testNumbers(72, 1));
  const dout = testNumbers(72, 2);
  const f = (at: Float64Array) =>
    ropeReference(at, positions, table, dims, 1).reduce((sum, y, i) => sum + y * (dout[i] ?? 0), 0);
  expectGradient('dqkv', f, x, ropeReference(dout, positions, table, dims, -1));
});

test('forward then backward is the identity', () => {
  const x = testNumbers(72, 3);
  const there = ropeReference(x, positions, table, dims, 1);
  const back = ropeReference(there, positions, table, dims, -1);
  expectClose('qkv', back, x, { atol: 1e-6, rtol: 1e-6, reason: 'the table itself is f32' });
});

test('a pair turns by position / theta^(2i/HS)', () => {
  const one = ropeReference([1, 0, 0, 0], [3], ropeTable(4, 4, 10_000), { N: 1, QKV: 4, heads: 1, HS: 4 }, 1);
  expect(one[0]).toBeCloseTo(Math.cos(3), 6);
  expect(one[2]).toBeCloseTo(Math.sin(3), 6);
  const two = ropeReference([0, 1, 0, 0], [3], ropeTable(4, 4, 10_000), { N: 1, QKV: 4, heads: 1, HS: 4 }, 1);
  expect(two[1]).toBeCloseTo(Math.cos(0.03), 6);
  expect(two[3]).toBeCloseTo(Math.sin(0.03), 6);
});
