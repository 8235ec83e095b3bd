import { expect, test } from 'vitest';
import { normFinishLaunch, sumSquaresLaunch } from './reduce';
import { reduceCases } from './reduce.cases';
import { normFinishReference } from './reduce.reference';
import { describeCases } from './testing';

describeCases('reduce', reduceCases);

test('the clip factor is that of clip_grad_norm_', () => {
  expect(normFinishReference([9, 16], 1)).toEqual([5, 1 / (5 + 1e-6), 1, 0]);
  expect(normFinishReference([9, 16], 10)).toEqual([5, 1, 1, 0]);
  expect(normFinishReference([9, 16], 0)).toEqual([5, 1, 1, 0]);
});

test('two arenas share one norm', () => {
  expect(normFinishLaunch({ max_grad_norm: 1, arenas: 2 }).params.P).toBe(512);
});

test('a count that is no multiple of 4 is refused', () => {
  expect(() => sumSquaresLaunch({ count: 5 })).toThrow('multiple of 4');
});
