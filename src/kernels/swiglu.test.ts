import { expect, test } from 'vitest';
import { ACTIVATIONS } from './activation';
import { testNumbers } from './case_numbers';
import { expectGradient } from './compare';
import { swigluCases } from './swiglu.cases';
import { swigluBackwardReference, swigluForwardReference } from './swiglu.reference';
import { describeCases } from './testing';

describeCases('swiglu', swigluCases);

test.each(ACTIVATIONS)('%s gated reference against central differences', (activation) => {
  const [N, F] = [3, 5];
  const gateUp = Float64Array.from(testNumbers(N * 2 * F, 1, 3));
  const dout = testNumbers(N * F, 2);
  const loss = (x: Float64Array): number =>
    swigluForwardReference(x, N, F, activation).reduce((sum, out, i) => sum + out * dout[i]!, 0);
  expect(() =>
    expectGradient('dgate_up', loss, gateUp, swigluBackwardReference(dout, gateUp, N, F, activation)),
  ).not.toThrow();
});
