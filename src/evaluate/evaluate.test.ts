import { describe, expect, it } from 'vitest';
import { compareRuns, mcnemar } from './compare';
import { wilson } from './interval';
import { majorityVote } from './vote';

describe('wilson', () => {
  // Worked out apart from this code, in Python floats, by Wilson's formula.
  const known: [number, number, number, number][] = [
    [0, 10, 0, 0.2775327998628892],
    [5, 10, 0.236593090512564, 0.763406909487436],
    [10, 10, 0.7224672001371107, 1],
    [171, 300, 0.513441160762328, 0.6247888232662354],
  ];
  it.each(known)('%d of %d', (correct, n, low, high) => {
    const interval = wilson(correct, n);
    expect(interval.accuracy).toBe(correct / n);
    expect(interval.low).toBeCloseTo(low, 8);
    expect(interval.high).toBeCloseTo(high, 8);
  });
  it('knows nothing from no problem', () => {
    expect(wilson(0, 0)).toEqual({ accuracy: 0, low: 0, high: 1 });
  });
});

describe('mcnemar', () => {
  // Exact sums of math.comb in Python integers, divided once.
  const known: [number, number, number][] = [
    [31, 9, 0.0006795482549932785],
    [0, 0, 1],
    [5, 5, 1],
    [1, 0, 1],
    [10, 0, 0.001953125],
    [9, 31, 0.0006795482549932785],
    [600, 400, 2.7284641560660184e-10],
  ];
  it.each(known)('%d against %d', (gained, lost, p) => {
    expect(Math.abs(mcnemar(gained, lost) - p)).toBeLessThanOrEqual(1e-9 * p);
  });
});

describe('compareRuns', () => {
  const answers = (right: readonly boolean[]) => new Map(right.map((value, i) => [`p${i}`, value]));
  it('counts problem by problem, and says it', () => {
    const a = answers([
      ...Array<boolean>(31).fill(false),
      ...Array<boolean>(9).fill(true),
      true,
      true,
      false,
    ]);
    const b = answers([
      ...Array<boolean>(31).fill(true),
      ...Array<boolean>(9).fill(false),
      true,
      true,
      false,
    ]);
    b.set('only b', true);
    expect(compareRuns(a, b)).toMatchObject({
      n: 43,
      both: 2,
      neither: 1,
      gained: 31,
      lost: 9,
      sentence: 'ReFT answers 31 problems right that SFT gets wrong, and loses 9 (p = 0.0007, n = 43)',
    });
    expect(compareRuns(b, a, { a: 'x', b: 'y' })).toMatchObject({ gained: 9, lost: 31 });
  });
  it('speaks plainly at the edges', () => {
    expect(compareRuns(answers([]), answers([true])).sentence).toMatch(/no problem in common/);
    expect(compareRuns(answers([true]), answers([true])).sentence).toMatch(
      /same problems right \(p = 1, n = 1\)/,
    );
    expect(compareRuns(answers([false]), answers([true])).sentence).toMatch(/answers 1 problem right/);
  });
});

describe('majorityVote', () => {
  it('takes the most frequent answer, the first seen on a tie', () => {
    expect(majorityVote(['5', '72', '72.0', null, '5', '72'])).toBe('72');
    expect(majorityVote(['b', 'a', 'a', 'b'])).toBe('b');
    expect(majorityVote([null, '7', null])).toBe('7');
    expect(majorityVote([null])).toBeNull();
    expect(majorityVote([])).toBeNull();
  });
});
