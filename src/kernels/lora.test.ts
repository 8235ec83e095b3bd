import { describe, test } from 'vitest';
import { testNumbers } from './case_numbers';
import { expectGradient } from './compare';
import { loraCases } from './lora.cases';
import { loraExpandBackwardReference, loraExpandReference } from './lora.reference';
import { describeCases } from './testing';

describeCases('lora', loraCases);

describe('lora reference against central differences', () => {
  const block = { rows: 3, r: 2, width: 8, row0: 1, start: 4, scale: 1.5 };
  const inp = Float64Array.from(testNumbers(6, 1));
  const before = testNumbers(40, 2);
  const dout = testNumbers(40, 3);
  const loss = (x: Float64Array): number =>
    loraExpandReference(x, before, block).reduce((sum, value, i) => sum + value * dout[i]!, 0);

  test('dinp', () => expectGradient('dinp', loss, inp, loraExpandBackwardReference(dout, block).dinp));
});
