import { expect, test } from 'vitest';
import type { Prompt } from './generate';
import { Schedule, type ScheduleLimits } from './generate_schedule';

const LIMITS: ScheduleLimits = { slots: 4, tokens: 12, sequences: 4, context: 64, max_new_tokens: 40 };
const prompt = (id: number, ...tokens: number[]): Prompt => ({ id, tokens });

test('as many prompts start together as slots and one packed prefill hold', () => {
  const prompts = [
    prompt(0, 1, 2, 3, 4, 5, 6),
    prompt(1, 1, 2, 3, 4, 5, 6, 7, 8),
    prompt(2, 1, 2),
    prompt(3, 9),
  ];
  const schedule = new Schedule(prompts, LIMITS);
  const first = schedule.admit();
  expect(first?.prefills).toEqual([
    { slot: 0, tokens: [1, 2, 3, 4, 5] },
    { slot: 1, tokens: [1, 2, 3, 4, 5, 6, 7] },
  ]);
  // A prompt of one token has nothing to prefill.
  const second = schedule.admit();
  expect(second?.prefills).toEqual([{ slot: 2, tokens: [1] }]);
  expect(second?.rows.map(({ row, slot, limit }) => [row, slot, limit])).toEqual([
    [2, 2, 40],
    [3, 3, 40],
  ]);
  expect(schedule.admit()).toBeUndefined();
});

test('a prompt is prefilled once for all its completions, later ones too', () => {
  const prompts = Array.from({ length: 6 }, (_, id) => prompt(id, 7, 8, 9));
  const schedule = new Schedule([...prompts, prompt(6, 1, 2, 3), prompt(7, 7, 8, 9)], LIMITS);
  const first = schedule.admit();
  expect(first?.prefills).toEqual([{ slot: 0, tokens: [7, 8] }]);
  expect(first?.copies).toEqual([1, 2, 3].map((to) => ({ from: 0, to, length: 2 })));
  schedule.burst();
  schedule.release(1);
  schedule.release(2);
  // Their slots hold the prompt already.
  const second = schedule.admit();
  expect(second?.rows.map(({ slot }) => slot)).toEqual([1, 2]);
  expect([second?.prefills, second?.copies]).toEqual([[], []]);
  schedule.burst();
  for (const owner of [0, 3, 4, 5]) schedule.release(owner);
  const third = schedule.admit();
  expect(third?.prefills).toEqual([{ slot: 0, tokens: [1, 2] }]);
  expect(third?.rows.map(({ slot }) => slot)).toEqual([0, 1]);
  expect(third?.copies).toEqual([]);
});

test('no slot is overwritten while the same admission copies from it', () => {
  const prompts = [prompt(0, 5, 6), prompt(1, 5, 6), prompt(2, 5, 6), prompt(3, 1, 2), prompt(4, 3, 4)];
  const schedule = new Schedule(prompts, { ...LIMITS, slots: 2 });
  schedule.admit();
  schedule.burst();
  schedule.release(0);
  // Slot 0 still holds 5, 6 and takes prompt 2; slot 1 runs.
  expect(schedule.admit()?.rows.map(({ slot }) => slot)).toEqual([0]);
  schedule.release(1);
  schedule.release(2);
  const last = schedule.admit();
  expect(last?.prefills.map(({ slot }) => slot)).toEqual([0, 1]);
});

test('steps end where the last row certainly does; rows at their limit are free at once', () => {
  const schedule = new Schedule([prompt(0, 1), prompt(1, 2)], { ...LIMITS, max_new_tokens: 20 });
  schedule.admit();
  expect(schedule.burst()).toEqual({ steps: 16, owners: [0, 1] });
  expect(schedule.burst()).toEqual({ steps: 4, owners: [0, 1] });
  expect(schedule.burst()).toBeUndefined();
});

test('the context bounds a completion as its limit does', () => {
  const schedule = new Schedule([prompt(0, 1, 2, 3)], { ...LIMITS, context: 8 });
  expect(schedule.admit()?.rows[0]?.limit).toBe(5);
  expect(schedule.burst()?.steps).toBe(5);
});

test('the last rows take the places of finished ones', () => {
  const prompts = Array.from({ length: 4 }, (_, id) => prompt(id, id));
  const schedule = new Schedule(prompts, LIMITS);
  schedule.admit();
  expect(schedule.compact()).toEqual([]);
  schedule.burst();
  for (const owner of [0, 2]) schedule.release(owner);
  schedule.release(0);
  expect(schedule.compact()).toEqual([{ from: 3, to: 0 }]);
  expect(schedule.burst()?.owners).toEqual([3, 1]);
  schedule.release(1);
  expect(schedule.compact()).toEqual([]);
  expect(schedule.burst()?.owners).toEqual([3]);
});

test('a burst can be asked to be shorter', () => {
  const schedule = new Schedule([prompt(0, 1)], { ...LIMITS, max_new_tokens: 20 });
  schedule.admit();
  const bursts = [schedule.burst(4), schedule.burst(), schedule.burst()];
  expect(bursts.map((burst) => burst?.steps)).toEqual([4, 16, undefined]);
});
