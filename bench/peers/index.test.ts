import { expect, test } from 'vitest';
import type { Figure } from '../figure';
import { ENTRIES, timeTrial, type ContestantId, type Outcome, type WorkId } from './contest';
import { largestDifference, measurePeers } from './index';

test('answers are compared number by number', () => {
  expect(largestDifference([1, 2, 3], [1, 2.5, 2.75])).toBe(0.5);
  expect(largestDifference([1, Number.NaN, 3], [1, 2, 3])).toBeNaN();
  expect(largestDifference([1, 2], [1, 2, 3])).toBe(Infinity);
  expect(largestDifference([], [])).toBe(Infinity);
});

const names = (Object.entries(ENTRIES) as [WorkId, readonly ContestantId[]][]).flatMap(
  ([work, contestants]) => contestants.map((contestant) => `${work}/${contestant}`),
);

async function measured(change: (name: string, outcome: Outcome) => Outcome): Promise<[Figure[], string]> {
  const figures: Figure[] = [];
  const notes: string[] = [];
  const launch = async (contestant: ContestantId, work: WorkId): Promise<Outcome> =>
    change(`${work}/${contestant}`, { milliseconds: [30, 10, 20], answer: [1, 2], adapter: 'a' });
  await measurePeers(launch, { report: (f) => figures.push(f), note: (n) => notes.push(n) });
  return [figures, notes.join('\n')];
}

test('a figure for everyone whose answer is ours: the median, as tokens/s in generation', async () => {
  const [figures] = await measured((_, outcome) => outcome);
  expect(figures.map(({ name }) => name)).toEqual(names);
  expect(figures[0]).toEqual({ name: 'train_step/ours', value: 20, unit: 'ms', samples: 3 });
  expect(figures.at(-1)).toMatchObject({ value: (32 * 48) / 0.02, unit: 'tokens/s' });
});

test.each([
  ['another loss', (outcome: Outcome) => ({ ...outcome, answer: [1, 2.001] }), /tfjs is void: a loss/],
  ['no number', (outcome: Outcome) => ({ ...outcome, answer: [Number.NaN, 2] }), /by NaN/],
  ['another adapter', (outcome: Outcome) => ({ ...outcome, adapter: 'b' }), /it ran on b, ours on a/],
])('%s has no figure, and a note says why', async (_, change, sentence) => {
  const [figures, notes] = await measured((name, outcome) =>
    name === 'train_step/tfjs' ? change(outcome) : outcome,
  );
  expect(figures.map(({ name }) => name)).toEqual(names.filter((name) => name !== 'train_step/tfjs'));
  expect(notes).toMatch(sentence);
});

test('a peer that fails costs the others nothing', async () => {
  const [figures, notes] = await measured((name, outcome) => {
    if (name === 'train_step/jax-js') throw new Error('no such operator');
    return outcome;
  });
  expect(figures.map(({ name }) => name)).toEqual(names.filter((name) => name !== 'train_step/jax-js'));
  expect(notes).toMatch(/jax-js is void: it failed: no such operator/);
});

test.each([
  [10, 101, 200],
  [100, 31, 20],
  [1000, 7, 2],
  [2100, 5, 1],
  [11_000, 3, 1],
])('runs of %i ms: %i of them, after %i that warm up', async (length, runs, warm) => {
  let clock = 0;
  let started = 0;
  const run = async (): Promise<void> => {
    started += 1;
    clock += length;
  };
  expect(await timeTrial({ run }, () => clock)).toEqual(Array.from({ length: runs }, () => length));
  expect(started).toBe(runs + warm);
});
