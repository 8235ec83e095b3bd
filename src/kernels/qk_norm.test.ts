import { describe, test } from 'vitest';
import { testNumbers } from './case_numbers';
import { expectGradient } from './compare';
import { qkNormCases } from './qk_norm.cases';
import { qkNormBackwardReference, qkNormForwardReference } from './qk_norm.reference';
import { qkvWidth } from './rope';
import { describeCases } from './testing';

describeCases('qk_norm', qkNormCases);

describe.each([0, 1])('qk_norm reference against central differences, offset %i', (offset) => {
  const heads = { NH: 4, NKV: 2, HS: 4 };
  const [N, eps] = [2, 1e-5];
  const inp = Float64Array.from(testNumbers(N * qkvWidth(heads), 1, 2));
  const weight = Float64Array.from(testNumbers(2 * heads.HS, 2));
  const dout = testNumbers(inp.length, 3);
  const loss = (x: Float64Array, w: Float64Array): number =>
    qkNormForwardReference(x, w, N, heads, eps, offset).out.reduce((sum, out, i) => sum + out * dout[i]!, 0);
  const { rstd } = qkNormForwardReference(inp, weight, N, heads, eps, offset);
  const { dqkv, dweight } = qkNormBackwardReference(dout, inp, weight, rstd, N, heads, offset);

  test('dqkv', () => expectGradient('dqkv', (x) => loss(x, weight), inp, dqkv));
  test('dweight', () => expectGradient('dweight', (w) => loss(inp, w), weight, dweight));
});
