import { runOnce } from '../gpu/run_once';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import type { Tolerance } from './compare';
import {
  matmulKernels,
  matmulLaunch,
  matmulShapes,
  type MatmulConfiguration,
  type MatmulLayout,
} from './matmul';
import { matmulReference } from './matmul.reference';

const LAYOUTS: MatmulLayout[] = ['nt', 'nn', 'tn'];
const CONFIGURATIONS: MatmulConfiguration[] = ['tiled', 'direct'];

/** M, N, K, extra floats in every row, accumulate: ones, tile edges and primes, K below and across a tile's step. */
const SHAPES: [M: number, N: number, K: number, extra: number, accumulate: boolean][] = [
  [1, 1, 1, 0, false],
  [2, 3, 0, 0, false],
  [3, 2, 0, 4, true],
  [1, 61, 20, 0, false],
  [61, 1, 7, 0, true],
  [31, 33, 15, 4, false],
  [8, 8, 5, 0, false],
  [9, 9, 6, 0, true],
  [15, 17, 21, 0, false],
  [32, 32, 16, 0, true],
  [63, 65, 17, 0, false],
  [64, 64, 64, 0, false],
  [65, 63, 31, 8, true],
  [67, 131, 127, 0, false],
];

/** Sums of K products of numbers below 1 in f32. */
const tolerance = (K: number): Tolerance => ({
  atol: 1e-6 * Math.max(10, K),
  rtol: 1e-5,
  reason: 'K products are summed in f32',
});

/** Rows of `columns` test numbers, with NaN from there to the stride: padding must never be read into a result. */
function padded(rows: number, columns: number, stride: number, seed: number): Float32Array {
  const numbers = testNumbers(rows * columns, seed);
  const out = new Float32Array(rows * stride).fill(Number.NaN);
  for (let row = 0; row < rows; row++)
    out.set(numbers.subarray(row * columns, (row + 1) * columns), row * stride);
  return out;
}

const strideOf = (columns: number, extra: number): number => Math.ceil(columns / 4) * 4 + extra;

function matmulCase(
  layout: MatmulLayout,
  configuration: MatmulConfiguration,
  [M, N, K, extra, accumulate]: (typeof SHAPES)[number],
): KernelCase {
  const kernel = matmulKernels[layout][configuration];
  return {
    kernel: kernel.name,
    direction: layout === 'nt' ? 'forward' : 'backward',
    shape: `M=${M} N=${N} K=${K}${extra ? ` rows+${extra}` : ''}${accumulate ? ' accumulate' : ''}`,
    run: async (gpu) => {
      const shapes = matmulShapes(layout, { M, N, K });
      const lda = strideOf(shapes.a[1], extra);
      const ldb = strideOf(shapes.b[1], extra);
      const ldc = strideOf(N, extra);
      const a = padded(shapes.a[0], shapes.a[1], lda, 1);
      const b = padded(shapes.b[0], shapes.b[1], ldb, 2);
      const before = padded(M, N, ldc, 3);
      const { params, grid } = matmulLaunch(layout, configuration, { M, N, K, lda, ldb, ldc, accumulate });
      const { out } = await runOnce(
        gpu,
        kernel,
        { a, b, out: accumulate ? before : before.length },
        params,
        grid,
      );

      const product = matmulReference(layout, a, b, { M, N, K, lda, ldb });
      const actual = new Float32Array(M * N);
      for (let m = 0; m < M; m++) actual.set(out.subarray(m * ldc, m * ldc + N), m * N);
      const expected = product.map(
        (value, i) => value + (accumulate ? (before[Math.floor(i / N) * ldc + (i % N)] ?? 0) : 0),
      );
      const outcomes = [{ tensor: 'out', actual, expected, tolerance: tolerance(K) }];
      if (!accumulate && N % 4 !== 0) {
        const padding: number[] = [];
        for (let m = 0; m < M; m++)
          padding.push(...out.subarray(m * ldc + N, m * ldc + Math.ceil(N / 4) * 4));
        outcomes.push({
          tensor: 'out padding',
          actual: Float32Array.from(padding),
          expected: new Float64Array(padding.length),
          tolerance: { atol: 1e-30, rtol: 0 },
        });
      }
      return outcomes;
    },
  };
}

/** Every layout and configuration at every shape. */
export const matmulCases: KernelCase[] = LAYOUTS.flatMap((layout) =>
  CONFIGURATIONS.flatMap((configuration) => SHAPES.map((shape) => matmulCase(layout, configuration, shape))),
);
