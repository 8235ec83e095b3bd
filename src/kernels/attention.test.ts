import { expect, test } from 'vitest';
import { attentionConstants, attentionTiles, maxAttentionTiles } from './attention';
import { attentionCases } from './attention.cases';
import { attentionBackwardReference, attentionForwardReference } from './attention.reference';
import { testNumbers } from './case_numbers';
import { expectClose, expectGradient } from './compare';
import { qkvWidth } from './rope';
import { describeCases } from './testing';

describeCases('attention', attentionCases);

const OPTIONS = [{}, { scale: 0.9, window: 3 }, { softcap: 1.5 }, { scale: 2, window: 2, softcap: 0.7 }];

test.each(OPTIONS)('the backward reference is the gradient of the forward reference: %o', (scores) => {
  const heads = { NH: 2, NKV: 1, HS: 4 };
  const seqStart = [0, 3, 3, 4, 8];
  const x = Float64Array.from(testNumbers(8 * qkvWidth(heads), 1));
  const dout = testNumbers(8 * 8, 2);
  const f = (at: Float64Array) =>
    attentionForwardReference(at, seqStart, heads, scores).out.reduce(
      (sum, y, i) => sum + y * (dout[i] ?? 0),
      0,
    );
  expectGradient('dqkv', f, x, attentionBackwardReference(x, seqStart, dout, heads, scores));
});

test('a sequence attends to itself only, and a first token to nothing but itself', () => {
  const heads = { NH: 1, NKV: 1, HS: 4 };
  const qkv = testNumbers(5 * 12, 3);
  const packed = attentionForwardReference(qkv, [0, 2, 5], heads);
  const alone = attentionForwardReference(qkv.slice(24), [0, 3], heads);
  expect(packed.out.slice(8)).toEqual(alone.out);
  expectClose('out', packed.out.slice(0, 4), qkv.slice(8, 12), { atol: 1e-12, rtol: 0 });
});

test('tiles cover every token once and never cross a sequence', () => {
  const { tiles, count } = attentionTiles(Uint32Array.of(0, 33, 33, 34));
  expect(count).toBe(3);
  expect([...tiles]).toEqual([0, 33, 0, 0, 0, 33, 32, 0, 33, 34, 33, 0]);
  expect(maxAttentionTiles(34, 3)).toBeGreaterThanOrEqual(count);
  expect(attentionTiles(Uint32Array.of(0)).count).toBe(0);
});

test('heads the kernels do not take are refused', () => {
  expect(() => attentionConstants('tiled', { NH: 3, NKV: 2, HS: 16 })).toThrow(/multiple/);
  expect(() => attentionConstants('tiled', { NH: 2, NKV: 2, HS: 260 })).toThrow(/256/);
});
