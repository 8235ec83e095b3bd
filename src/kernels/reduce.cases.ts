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
import { normFinishReference, reduceColumnsReference, sumSquaresReference } from './reduce.reference';

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
      const flags = Float32Array.from({ length: M }, (_, m) => (m % 3 === 0 ? 1 : 0));
      const before = testNumbers(S, 2);
      const { params, grid } = reduceColumnsLaunch({ M });
      const { out } = await runOnce(gpu, reduceColumns, { inp, flags, out: before }, params, grid);
      const expected = reduceColumnsReference(inp, flags, M, S).map((sum, s) => before[s]! + sum);
      return [{ tensor: 'out', actual: out, expected, tolerance: M > 10_000 ? LONG_SUM : F32 }];
    },
  };
});

// Elements around the 1,024 of a workgroup, and past the 262,144 of all.
const sumSquaresCases = [0, 4, 60, 1020, 1024, 1028, 262_144 + 4 * 61].flatMap((count) =>
  [16, 256].map((WG): KernelCase => ({
    kernel: sumSquares.name,
    direction: 'forward',
    shape: `count=${count} WG=${WG}`,
    run: async (gpu) => {
      const x = testNumbers(count, 3);
      const expected = sumSquaresReference(x, SUM_SQUARES_PARTIALS, 1024);
      return [{ tensor: 'partials', actual: await partialsOf(gpu, x, WG), expected, tolerance: F32 }];
    },
  })),
);

// What a diverged run leaves in its gradients, or what overflows when squared, shows in the partial sum it falls in.
const BAD = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3e38];
const overflowCases = BAD.map((bad): KernelCase => ({
  kernel: sumSquares.name,
  direction: 'forward',
  shape: `count=2056, one of them ${bad}`,
  run: async (gpu) => {
    const x = testNumbers(2056, 4);
    x[1030] = bad;
    const actual = (await partialsOf(gpu, x)).map((sum) => (Number.isFinite(sum) ? 1 : 0));
    const expected = new Float64Array(SUM_SQUARES_PARTIALS).fill(1);
    expected[1] = 0;
    return [{ tensor: 'finite', actual, expected, tolerance: F32 }];
  },
}));

async function partialsOf(gpu: Gpu, x: Float32Array, WG = 256): Promise<Float32Array> {
  const { params, grid } = sumSquaresLaunch({ count: x.length });
  const operands = { x, partials: SUM_SQUARES_PARTIALS };
  const { partials } = await runOnce(gpu, sumSquares, operands, params, grid, { WG });
  return partials;
}

// Clipped, not clipped, without clipping; one arena and two; after an update that diverged.
const normFinishCases = [
  { arenas: 1, max_grad_norm: 1, diverged: false },
  { arenas: 1, max_grad_norm: 100, diverged: false },
  { arenas: 1, max_grad_norm: 0, diverged: false },
  { arenas: 2, max_grad_norm: 1, diverged: false },
  { arenas: 1, max_grad_norm: 1, diverged: true },
].map(({ arenas, max_grad_norm, diverged }): KernelCase => ({
  kernel: normFinish.name,
  direction: 'forward',
  shape: `P=${arenas * SUM_SQUARES_PARTIALS} max_grad_norm=${max_grad_norm}${diverged ? ' diverged before' : ''}`,
  run: async (gpu) => {
    const partials = testNumbers(arenas * SUM_SQUARES_PARTIALS, 5).map(Math.abs);
    const { params, grid } = normFinishLaunch({ max_grad_norm, arenas });
    const before = Float32Array.of(0, 0, 0, diverged ? 1 : 0);
    const { norm } = await runOnce(gpu, normFinish, { partials, norm: before }, params, grid);
    const expected = normFinishReference(partials, max_grad_norm, diverged);
    return [{ tensor: 'norm', actual: norm, expected, tolerance: F32 }];
  },
}));

// The flag and the factor say that the norm is not finite; the norm itself is then whatever it is.
const notFiniteCases = [Number.NaN, Number.POSITIVE_INFINITY].map((bad): KernelCase => ({
  kernel: normFinish.name,
  direction: 'forward',
  shape: `P=${SUM_SQUARES_PARTIALS}, one of them ${bad}`,
  run: async (gpu) => {
    const partials = testNumbers(SUM_SQUARES_PARTIALS, 6).map(Math.abs);
    partials[77] = bad;
    const { params, grid } = normFinishLaunch({ max_grad_norm: 1 });
    const { norm } = await runOnce(gpu, normFinish, { partials, norm: 4 }, params, grid);
    return [{ tensor: 'factor and flag', actual: norm.slice(1), expected: [0, 0, 1], tolerance: F32 }];
  },
}));

export const reduceCases: readonly KernelCase[] = [
  ...reduceColumnsCases,
  ...sumSquaresCases,
  ...overflowCases,
  ...normFinishCases,
  ...notFiniteCases,
];
