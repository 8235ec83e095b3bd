import { runOnce } from '../gpu/run_once';
import { biasBackward, biasBackwardLaunch } from './bias';
import { biasBackwardReference } from './bias.reference';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import { F32 } from './compare';

// Columns around the 32 of a workgroup, and 4 times a prime; rows around a run of 32 and the 1,024 of 32 lanes.
const SHAPES: readonly (readonly [N: number, C: number])[] = [
  [0, 8],
  [1, 4],
  [2, 28],
  [31, 32],
  [32, 36],
  [33, 244],
  [1023, 12],
  [1025, 68],
  [4099, 4],
];

export const biasCases: readonly KernelCase[] = SHAPES.flatMap(([N, C]) =>
  [1, 32].map((LANES): KernelCase => ({
    kernel: biasBackward.name,
    direction: 'backward',
    shape: `N=${N} C=${C} LANES=${LANES}`,
    run: async (gpu) => {
      const dout = testNumbers(N * C, 1);
      const before = testNumbers(C, 2);
      const { params, grid } = biasBackwardLaunch({ N, C });
      const actual = await runOnce(gpu, biasBackward, { dout, dbias: before }, params, grid, { LANES });
      const expected = biasBackwardReference(dout, N, C).map((sum, c) => before[c]! + sum);
      return [{ tensor: 'dbias', actual: actual.dbias, expected, tolerance: F32 }];
    },
  })),
);
