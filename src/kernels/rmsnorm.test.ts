import { describe, test } from 'vitest';
import { testNumbers } from './case_numbers';
import { expectGradient } from './compare';
import { rmsnormCases } from './rmsnorm.cases';
import { rmsnormBackwardReference, rmsnormForwardReference } from './rmsnorm.reference';
import { describeCases } from './testing';

describeCases('rmsnorm', rmsnormCases);

describe.each([0, 1])('rmsnorm reference against central differences, offset %i', (offset) => {
  const [N, C, eps] = [3, 7, 1e-5];
  const inp = Float64Array.from(testNumbers(N * C, 1, 2));
  const weight = Float64Array.from(testNumbers(C, 2));
  const dout = testNumbers(N * C, 3);
  const loss = (x: Float64Array, w: Float64Array): number =>
    rmsnormForwardReference(x, w, N, C, eps, offset).out.reduce((sum, out, i) => sum + out * dout[i]!, 0);
  const { rstd } = rmsnormForwardReference(inp, weight, N, C, eps, offset);
  const { dinp, dweight } = rmsnormBackwardReference(dout, inp, weight, rstd, N, C, offset);

  test('dinp', () => expectGradient('dinp', (x) => loss(x, weight), inp, dinp));
  test('dweight', () => expectGradient('dweight', (w) => loss(inp, w), weight, dweight));
});
