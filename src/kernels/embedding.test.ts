import { describe, expect, test } from 'vitest';
import { testNumbers } from './case_numbers';
import { expectGradient } from './compare';
import { bucketTokens } from './embedding';
import { embeddingCases } from './embedding.cases';
import { embeddingBackwardReference, embeddingForwardReference } from './embedding.reference';
import { describeCases } from './testing';

describeCases('embedding', embeddingCases);

test('embedding reference against central differences', () => {
  const [V, C, scale] = [5, 3, 1.5];
  const tokens = [4, 0, 4, 2];
  const weight = Float64Array.from(testNumbers(V * C, 1));
  const dout = testNumbers(tokens.length * C, 2);
  const loss = (w: Float64Array): number =>
    embeddingForwardReference(tokens, w, C, scale).reduce((sum, out, i) => sum + out * (dout[i] ?? 0), 0);
  expectGradient('dweight', loss, weight, embeddingBackwardReference(dout, tokens, V, C, scale));
});

describe('bucketTokens', () => {
  test('sorts positions by token, then position', () => {
    const { U, data } = bucketTokens(Uint32Array.from([9, 2, 9, 0xffff, 2, 9]));
    expect(U).toBe(3);
    expect([...data]).toEqual([0, 2, 5, 6, 2, 9, 0xffff, 1, 4, 0, 2, 5, 3]);
  });
  test('of nothing is one empty bucket list', () => {
    expect(bucketTokens(new Uint32Array())).toEqual({ U: 0, data: Uint32Array.from([0]) });
  });
});
