import { runOnce } from '../gpu/run_once';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import { fill, fillLaunch } from './fill';

/** Elements of the buffer, and how many of them are filled. */
const SHAPES: readonly (readonly [size: number, count: number, value: number])[] = [
  [4, 0, 1],
  [1, 1, -2.5],
  [300, 255, 0],
  [256, 256, 3],
  [1000, 257, 1e-30],
];

export const fillCases: readonly KernelCase[] = SHAPES.map(([size, count, value]): KernelCase => ({
  kernel: fill.name,
  direction: 'forward',
  shape: `count=${count} of ${size}`,
  run: async (gpu) => {
    const before = testNumbers(size, 1);
    const { params, grid } = fillLaunch({ count, value });
    const { out } = await runOnce(gpu, fill, { out: before }, params, grid);
    const expected = Float64Array.from(before).fill(value, 0, count);
    const tolerance = { atol: 1e-36, rtol: 1e-7, reason: 'the value itself, rounded to f32' };
    return [{ tensor: 'out', actual: out, expected, tolerance }];
  },
}));
