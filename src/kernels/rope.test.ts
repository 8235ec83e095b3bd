import { expect, test } from 'vitest';
import { testNumbers } from './case_numbers';
import { expectClose, expectGradient } from './compare';
import { ropeFrequencies, ropeLaunch, ropeTable, type RopeScaling } from './rope';
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

// Of transformers 5.18 (modeling_rope_utils), heads of 16.
const STRETCHED: [RopeScaling, theta: number, frequencies: number[]][] = [
  [
    { rope_type: 'linear', factor: 4 },
    10_000,
    [0.25, 0.07905694, 0.025, 0.007905695, 0.0025, 0.0007905695, 0.00025, 7.905695e-5],
  ],
  [
    {
      rope_type: 'llama3',
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 64,
    },
    500_000,
    [1, 0.07940301, 0.004700754, 0.0009115831, 0.0001767767, 3.428102e-5, 6.64787e-6, 1.289173e-6],
  ],
  [
    { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 256 },
    10_000,
    [1, 0.2569351, 0.0625, 0.01383497, 0.0025, 0.0007905695, 0.00025, 7.905695e-5],
  ],
];

test.each(STRETCHED)('frequencies stretched by %o are those of transformers', (scaling, theta, expected) => {
  const tolerance = { atol: 0, rtol: 5e-7, reason: 'theirs are f32, printed to seven digits' };
  expectClose('frequencies', ropeFrequencies(16, theta, scaling), expected, tolerance);
});

test('yarn makes cosines and sines longer, by its factor or as the paper says', () => {
  const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 256 } as const;
  expect(ropeTable(1, 4, 10_000, yarn)[0]).toBeCloseTo(1.138629436111989, 6);
  expect(ropeTable(1, 4, 10_000, { ...yarn, attention_factor: 1.5 })[0]).toBe(1.5);
});

test('what turns is a multiple of 4 floats, within a head', () => {
  expect(() => ropeLaunch(1, { NH: 1, NKV: 1, HS: 8 }, 1, 2)).toThrow(/multiple of 4/);
  expect(() => ropeLaunch(1, { NH: 1, NKV: 1, HS: 8 }, 1, 12)).toThrow(/head of 8/);
});
