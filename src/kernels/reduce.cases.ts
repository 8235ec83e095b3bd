import type { Gpu } from '../gpu/device';
import { runOnce } from '../gpu/run_once';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import { F32, type Tolerance } from './compare';
import {
  normFinish,
  normFinishLaunch,
  reduceColumns,
  reduceColumnsLaunch,
  REDUCED_COLUMNS,
  SUM_SQUARES_PARTIALS,
  sumSquares,
  sumSquaresLaunch,
} from './reduce';
import { globalNormReference, reduceColumnsReference } from './reduce.reference';

const LONG_SUM: Tolerance = { atol: 1e-2, rtol: 1e-5, reason: 'the magnitudes of 1e5 terms add up to 5e4' };

// Rows around the 64 lanes.
const reduceColumnsCases = [0, 1, 2, 63, 64, 65, 1031, 100_000].map((M): KernelCase => {
  const S = REDUCED_COLUMNS;
  return {
    kernel: reduceColumns.name,
    direction: 'forward',
    shape: `M=${M} S=${S}`,
    run: async (gpu) => {
      const inp = testNumbers(M * S, 1);
      const before = testNumbers(S, 2);
      const { params, grid } = reduceColumnsLaunch({ M });
      const { out } = await runOnce(gpu, reduceColumns, { inp, out: before }, params, grid);
      const expected = reduceColumnsReference(inp, M, S).map((sum, s) => before[s]! + sum);
      return [{ tensor: 'out', actual: out, expected, tolerance: M > 10_000 ? LONG_SUM : F32 }];
    },
  };
});

/** Both passes of the global norm. */
async function globalNorm(gpu: Gpu, x: Float32Array, max_grad_norm: number): Promise<Float32Array> {
  const first = sumSquaresLaunch({ count: x.length });
  const operands = { x, partials: SUM_SQUARES_PARTIALS };
  const { partials } = await runOnce(gpu, sumSquares, operands, first.params, first.grid);
  const last = normFinishLaunch({ max_grad_norm });
  const { norm } = await runOnce(gpu, normFinish, { partials, norm: 4 }, last.params, last.grid);
  return norm;
}

// Elements around the 1,024 of a workgroup, and past the 262,144 of all; clipped, not clipped and without clipping.
const NORM_SHAPES: readonly (readonly [count: number, max_grad_norm: number])[] = [
  [0, 1],
  [4, 1],
  [4, 100],
  [1020, 1],
  [1024, 0],
  [1028, 1],
  [262_144 + 4 * 61, 1],
];

const normCases = NORM_SHAPES.map(([count, max_grad_norm]): KernelCase => ({
  kernel: `${sumSquares.name} and ${normFinish.name}`,
  direction: 'forward',
  shape: `count=${count} max_grad_norm=${max_grad_norm}`,
  run: async (gpu) => {
    const x = testNumbers(count, 3);
    const actual = await globalNorm(gpu, x, max_grad_norm);
    return [{ tensor: 'norm', actual, expected: globalNormReference(x, max_grad_norm), tolerance: F32 }];
  },
}));

// What a diverged run leaves in its gradients: the flag and the factor say so (the norm itself is then whatever it is).
const notFiniteCases = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3e38].map(
  (bad): KernelCase => ({
    kernel: `${sumSquares.name} and ${normFinish.name}`,
    direction: 'forward',
    shape: `count=1028, one of them ${bad}`,
    run: async (gpu) => {
      const x = testNumbers(1028, 4);
      x[1021] = bad;
      const norm = await globalNorm(gpu, x, 1);
      return [{ tensor: 'factor and flag', actual: norm.slice(1), expected: [0, 0, 0], tolerance: F32 }];
    },
  }),
);

export const reduceCases: readonly KernelCase[] = [...reduceColumnsCases, ...normCases, ...notFiniteCases];
