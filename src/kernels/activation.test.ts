import { describe, expect, test } from 'vitest';
import { ACTIVATIONS } from './activation';
import { activationCases } from './activation.cases';
import { activationBackwardReference, activationForwardReference, curves } from './activation.reference';
import { testNumbers } from './case_numbers';
import { expectGradient } from './compare';
import { describeCases } from './testing';

describeCases('activation', activationCases);

describe.each(ACTIVATIONS)('%s reference', (activation) => {
  test('against central differences', () => {
    const inp = Float64Array.from(testNumbers(50, 1, 7));
    const dout = testNumbers(50, 2);
    const loss = (x: Float64Array): number =>
      activationForwardReference(x, activation).reduce((sum, out, i) => sum + out * dout[i]!, 0);
    expectGradient('dinp', loss, inp, activationBackwardReference(dout, inp, activation));
  });
});

// torch.nn.functional.gelu in float64; at -6, where erf has lost digits, by erfc.
test('values that torch gives', () => {
  expect(curves.gelu.value(1)).toBeCloseTo(0.8413447460685429, 14);
  expect(curves.gelu.value(-2)).toBeCloseTo(-0.04550026389635842, 14);
  expect(curves.gelu.value(-6)).toBeCloseTo(-5.919525870226168e-9, 18);
  expect(curves.gelu_tanh.value(1)).toBeCloseTo(0.8411919906082768, 14);
});
