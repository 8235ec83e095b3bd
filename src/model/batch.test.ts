import { expect, test } from 'vitest';
import { packSequences, packTokens } from './batch';

test('a last token is a target and no input; rows point at the token before each target', () => {
  const packed = packSequences([
    { tokens: [5, 6, 7, 8], promptLength: 2 },
    { tokens: [9], promptLength: 1 },
    { tokens: [3, 4], promptLength: 1 },
  ]);
  expect([...packed.tokens]).toEqual([5, 6, 7, 3]);
  expect([...packed.positions]).toEqual([0, 1, 2, 0]);
  expect([...packed.seqStart]).toEqual([0, 3, 3, 4]);
  expect([...packed.rows]).toEqual([1, 2, 3]);
  expect([...packed.targets]).toEqual([7, 8, 4]);
  expect([...packed.rowStart]).toEqual([0, 2, 2, 3]);
});

test('packed tokens are all inputs', () => {
  const { tokens, positions, seqStart } = packTokens([[5, 6], [], [7]]);
  expect([...tokens]).toEqual([5, 6, 7]);
  expect([...positions]).toEqual([0, 1, 0]);
  expect([...seqStart]).toEqual([0, 2, 2, 3]);
});

test('a sequence longer than the context is refused with both numbers', () => {
  expect(() => packSequences([{ tokens: [1, 2, 3], promptLength: 1 }], 2)).toThrow(
    /3 tokens does not fit the context of 2/,
  );
});
