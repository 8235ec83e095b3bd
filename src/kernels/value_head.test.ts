import { describe, test } from 'vitest';
import { testNumbers } from './case_numbers';
import { expectGradient } from './compare';
import { describeCases } from './testing';
import { valueHeadCases } from './value_head.cases';
import { valueHeadBackwardReference, valueHeadForwardReference } from './value_head.reference';

describeCases('value_head', valueHeadCases);

describe('value_head reference against central differences', () => {
  const [M, C] = [3, 7];
  const inp = Float64Array.from(testNumbers(M * C, 1, 2));
  const weight = Float64Array.from(testNumbers(C, 2));
  const bias = new Float64Array([0.375]);
  const dvalue = testNumbers(M, 3);
  const loss = (x: Float64Array, w: Float64Array, b: Float64Array): number =>
    valueHeadForwardReference(x, w, b[0]!, M, C).reduce((sum, value, m) => sum + value * dvalue[m]!, 0);
  const { dinp, dweight, dbias } = valueHeadBackwardReference(dvalue, inp, weight, M, C);

  test('dinp', () => expectGradient('dinp', (x) => loss(x, weight, bias), inp, dinp));
  test('dweight', () => expectGradient('dweight', (w) => loss(inp, w, bias), weight, dweight));
  test('dbias', () => expectGradient('dbias', (b) => loss(inp, weight, b), bias, [dbias]));
});
