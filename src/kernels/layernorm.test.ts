import { describe, test } from 'vitest';
import { testNumbers } from './case_numbers';
import { expectGradient } from './compare';
import { layernormCases } from './layernorm.cases';
import { layernormBackwardReference, layernormForwardReference } from './layernorm.reference';
import { describeCases } from './testing';

describeCases('layernorm', layernormCases);

describe('layernorm reference against central differences', () => {
  const [N, C, eps] = [3, 7, 1e-5];
  const inp = Float64Array.from(testNumbers(N * C, 1, 2));
  const weight = Float64Array.from(testNumbers(2 * C, 2));
  const dout = testNumbers(N * C, 3);
  const loss = (x: Float64Array, w: Float64Array): number =>
    layernormForwardReference(x, w, N, C, eps).out.reduce((sum, out, i) => sum + out * dout[i]!, 0);
  const { stats } = layernormForwardReference(inp, weight, N, C, eps);
  const { dinp, dweight } = layernormBackwardReference(dout, inp, weight, stats, N, C);

  test('dinp', () => expectGradient('dinp', (x) => loss(x, weight), inp, dinp));
  test('dweight', () => expectGradient('dweight', (w) => loss(inp, w), weight, dweight));
});
