import { describe, expect, test } from 'vitest';
import { OneAhead } from './one_ahead';

describe('OneAhead', () => {
  test('deals with each piece after the next was pushed, in order', async () => {
    const ahead = new OneAhead();
    const dealt: number[] = [];
    for (const piece of [1, 2, 3]) {
      await ahead.push(Promise.resolve(piece), (result) => void dealt.push(result));
      expect(dealt).toEqual([1, 2, 3].slice(0, piece - 1));
    }
    await ahead.drain();
    expect(dealt).toEqual([1, 2, 3]);
    await ahead.drain();
    expect(dealt).toEqual([1, 2, 3]);
  });

  test('an error comes with the next push, and none is unheard', async () => {
    const ahead = new OneAhead();
    await ahead.push(Promise.reject(new Error('first')), () => undefined);
    await expect(ahead.push(Promise.reject(new Error('second')), () => undefined)).rejects.toThrow('first');
  });
});
