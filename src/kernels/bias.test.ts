import { test } from 'vitest';
import { biasCases } from './bias.cases';
import { biasBackwardReference } from './bias.reference';
import { testNumbers } from './case_numbers';
import { expectGradient } from './compare';
import { describeCases } from './testing';

describeCases('bias', biasCases);

test('bias reference against central differences', () => {
  const [N, C] = [3, 5];
  const inp = testNumbers(N * C, 1);
  const dout = testNumbers(N * C, 2);
  const loss = (bias: Float64Array): number =>
    inp.reduce((sum, x, i) => sum + (x + bias[i % C]!) * dout[i]!, 0);
  expectGradient('dbias', loss, Float64Array.from(testNumbers(C, 3)), biasBackwardReference(dout, N, C));
});
