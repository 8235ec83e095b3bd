import { runOnce } from '../gpu/run_once';
import type { KernelCase, Outcome } from './case';
import { testNumbers } from './case_numbers';
import { F32, type Tolerance } from './compare';
import { matmulLaunch, matmulShapes, type MatmulLayout } from './matmul';
import {
  MATMUL_LAYOUTS,
  matmulBlocking,
  matmulConfigurationNames,
  matmulKernel,
  type MatmulConfiguration,
  isFor,
} from './matmul_configurations';
import { matmulName } from './matmul_generator';
import { matmulReference, mergeReference } from './matmul.reference';
import { matmulMerge, matmulMergeLaunch, partialFloats } from './matmul_split';
import { matmulTile, PLAIN } from './matmul_text';

const roundUp4 = (n: number): number => Math.ceil(n / 4) * 4;

/** (M,N) of rows ldc apart. */
function columnsOf(out: Float32Array, M: number, N: number, ldc: number): Float32Array {
  const dense = new Float32Array(M * N);
  for (let m = 0; m < M; m++) dense.set(out.subarray(m * ldc, m * ldc + N), m * N);
  return dense;
}

/** M, N, slices, extra floats in every row of out, accumulate: one column, the workgroup's edge and across it, padding. */
const MERGE_SHAPES: [M: number, N: number, slices: number, extra: number, accumulate: boolean][] = [
  [1, 1, 1, 0, false],
  [3, 5, 2, 4, true],
  [16, 16, 3, 0, false],
  [61, 7, 7, 8, true],
  [17, 20, 64, 0, false],
];

const mergeCases = MERGE_SHAPES.map(([M, N, slices, extra, accumulate]): KernelCase => {
  const shape = `M=${M} N=${N} slices=${slices}${extra ? ` rows+${extra}` : ''}${accumulate ? ' accumulate' : ''}`;
  return {
    kernel: matmulMerge.name,
    direction: 'backward',
    shape,
    run: async (gpu) => {
      const ldc = roundUp4(N) + extra;
      const partials = testNumbers(partialFloats(slices, { M, N }), 1);
      const before = testNumbers(M * ldc, 2);
      const { params, grid } = matmulMergeLaunch({ M, N, ldc, accumulate }, slices);
      const out = accumulate ? before : before.length;
      const found = await runOnce(gpu, matmulMerge, { partials, out }, params, grid);
      const sums = mergeReference(partials, slices, { M, N, stride: roundUp4(N) });
      const old = columnsOf(before, M, N, ldc);
      const expected = sums.map((sum, i) => sum + (accumulate ? (old[i] ?? 0) : 0));
      return [{ tensor: 'out', actual: columnsOf(found.out, M, N, ldc), expected, tolerance: F32 }];
    },
  };
});

/** Rounding of K products below 1, summed in f32. */
const tolerance = (K: number): Tolerance => ({
  atol: 1e-6 * Math.max(10, K),
  rtol: 1e-5,
  reason: 'K products are summed in f32',
});

interface Split {
  layout: MatmulLayout;
  configuration: MatmulConfiguration;
  K: number;
  slices: number;
  accumulate: boolean;
}

/** A generated kernel in slices of k, some of them empty where K is small, and their sum. */
function splitCase({ layout, configuration, K, slices, accumulate }: Split): KernelCase {
  const [M, N] = [20, 38];
  return {
    kernel: matmulName(layout, configuration, PLAIN),
    isFor: (facts) => isFor(configuration, facts),
    direction: layout === 'nt' ? 'forward' : 'backward',
    shape: `M=${M} N=${N} K=${K} slices=${slices}${accumulate ? ' accumulate' : ''}`,
    run: async (gpu): Promise<Outcome[]> => {
      const { subgroupSize } = gpu.facts;
      const dims = { M, N, K };
      const shapes = matmulShapes(layout, dims);
      const [lda, ldb, ldc] = [shapes.a[1], shapes.b[1], N].map(roundUp4) as [number, number, number];
      const a = testNumbers(shapes.a[0] * lda, 1);
      const b = testNumbers(shapes.b[0] * ldb, 2);
      const before = testNumbers(M * ldc, 3);
      const kernel = matmulKernel(layout, configuration, subgroupSize);
      const tile = matmulTile(matmulBlocking(configuration, subgroupSize));
      const launch = matmulLaunch(layout, tile, dims, { slices });
      const operands = { a, b, out: partialFloats(slices, dims) };
      const product = await runOnce(gpu, kernel, operands, launch.params, launch.grid);
      const partials = product['out'] ?? new Float32Array();
      const merge = matmulMergeLaunch({ ...dims, accumulate }, slices);
      const out = accumulate ? before : before.length;
      const merged = await runOnce(gpu, matmulMerge, { partials, out }, merge.params, merge.grid);

      const old = columnsOf(before, M, N, ldc);
      const expected = matmulReference(layout, a, b, { ...dims, lda, ldb });
      const actual = columnsOf(merged.out, M, N, ldc);
      return [
        {
          tensor: 'out',
          actual,
          expected: expected.map((value, i) => value + (accumulate ? (old[i] ?? 0) : 0)),
          tolerance: tolerance(K),
        },
      ];
    },
  };
}

const SLICES = [1, 2, 3, 7];
/** Below, at and above a turn of the loop, a slice and a few of them. */
const DEPTHS = [1, 4, 5, 63, 64, 65, 1000];

// Every depth in every number of slices where a split is of use; the other kernels at the ragged end of one.
const splits = MATMUL_LAYOUTS.flatMap((layout) =>
  matmulConfigurationNames.flatMap((configuration): Split[] => {
    const isOften = layout !== 'nt' && ['tiled_16x64', 'direct_32x32'].includes(configuration);
    const depths = isOften ? DEPTHS : [65];
    return depths.flatMap((K) =>
      (isOften ? SLICES : [3]).map((slices) => ({
        layout,
        configuration,
        K,
        slices,
        accumulate: (K + slices) % 2 === 0,
      })),
    );
  }),
);

/** Merging alone, and products in slices. */
export const matmulSplitCases: KernelCase[] = [...mergeCases, ...splits.map(splitCase)];
