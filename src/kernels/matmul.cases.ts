import type { AdapterFacts, Gpu } from '../gpu/device';
import type { Kernel } from '../gpu/kernel';
import { runOnce } from '../gpu/run_once';
import { activationConstants, type Activation } from './activation';
import { activationForwardReference } from './activation.reference';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import type { Tolerance } from './compare';
import { matmulLaunch, matmulShapes, type MatmulLayout } from './matmul';
import {
  fusionsOf,
  isFor,
  MATMUL_LAYOUTS,
  matmulBlocking,
  matmulConfigurationNames,
  matmulKernel,
  PLAIN_TILE,
  plainMatmulKernels,
} from './matmul_configurations';
import { matmulName } from './matmul_generator';
import { canAccumulate, matmulTile, PLAIN, type MatmulFusion } from './matmul_text';
import { matmulReference, normedRows } from './matmul.reference';
import { decodeRows, encodeRows } from './quantize';
import { swigluForwardReference } from './swiglu.reference';

type Shape = [M: number, N: number, K: number, extra: number, accumulate: boolean];

/** M, N, K, extra floats in every row, accumulate: ones, tile edges and primes, K below and across a tile's step. */
const SHAPES: Shape[] = [
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

/** With a fusion N and K are multiples of 4, as a model's are. */
const FUSED_SHAPES: Shape[] = [
  [1, 4, 4, 0, false],
  [3, 60, 20, 0, false],
  [9, 68, 36, 4, true],
  [65, 132, 64, 0, false],
];

/** Where b is not f32: one row of a word and a half, the edges of a group of 32 and of tiles, rows of several groups. */
const STORED_SHAPES: Shape[] = [
  [1, 5, 6, 0, false],
  [9, 33, 31, 0, false],
  [33, 37, 32, 0, false],
  [66, 68, 101, 4, false],
];
/** The same where N and K are multiples of 4. */
const STORED_FUSED_SHAPES: Shape[] = [
  [2, 36, 28, 0, false],
  [35, 68, 100, 4, true],
];

const EPS = 1e-5;

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

/** An adapter's columns: a four and a half of what some kernels take a turn. */
const R = 12;
const OFFSET = 1;

/** Between the fusions every kind but relu: each kernel has all of them, chosen by a constant. */
function activationOf({ gated, activated, adapter }: MatmulFusion): Activation | undefined {
  if (activated) return 'gelu';
  if (!gated) return undefined;
  return adapter ? 'gelu_tanh' : 'silu';
}

function activated(sums: Float64Array, fusion: MatmulFusion, M: number, N: number): Float64Array {
  const activation = activationOf(fusion);
  if (!activation) return sums;
  return fusion.gated
    ? swigluForwardReference(sums, M, N, activation)
    : activationForwardReference(sums, activation);
}

const strideOf = (columns: number, extra: number): number => Math.ceil(columns / 4) * 4 + extra;

/** A kernel as this adapter runs it, and its tile. */
type KernelFor = (gpu: Gpu, accumulate: boolean) => { kernel: Kernel; tile: readonly [number, number] };

function matmulCase(
  name: string,
  kernelFor: KernelFor,
  layout: MatmulLayout,
  fusion: MatmulFusion,
  [M, N, K, extra, accumulate]: Shape,
): KernelCase {
  return {
    kernel: name,
    direction: layout === 'nt' ? 'forward' : 'backward',
    shape: `M=${M} N=${N} K=${K}${extra ? ` rows+${extra}` : ''}${accumulate ? ' accumulate' : ''}`,
    run: async (gpu) => {
      const { kernel, tile } = kernelFor(gpu, accumulate);
      const width = fusion.gated ? 2 * N : N;
      const shapes = matmulShapes(layout, { M, N: width, K });
      const isStored = fusion.storage !== 'f32';
      const lda = strideOf(shapes.a[1], extra);
      const ldb = isStored ? shapes.b[1] : strideOf(shapes.b[1], extra);
      const ldc = strideOf(N, extra);
      const a = padded(shapes.a[0], shapes.a[1], lda, 1);
      const values = padded(shapes.b[0], shapes.b[1], ldb, 2);
      const stored = encodeRows(fusion.storage, values, ldb);
      const b = decodeRows(fusion.storage, stored, ldb);
      const before = padded(M, N, ldc, 3);
      const weight = testNumbers(K, 4);
      const residual = padded(M, N, ldc, 5);
      const bias = testNumbers(width, 6);
      const low = testNumbers(M * R, 7);
      const high = testNumbers(width * R, 8);
      const operands: Record<string, Float32Array | Uint32Array | number> = {
        a,
        b: stored,
        weight,
        residual,
        bias,
        low,
        high,
        out: accumulate ? before : before.length,
      };
      const dims = { M, N, K, lda, ...(isStored ? {} : { ldb }), ldc, accumulate };
      const options = { eps: EPS, offset: OFFSET, R, storage: fusion.storage };
      const { params, grid } = matmulLaunch(layout, tile, dims, options);
      const used = Object.fromEntries(Object.keys(kernel.buffers).map((name) => [name, operands[name] ?? 0]));
      const activation = activationOf(fusion);
      const constants = activation ? activationConstants(activation) : {};
      const { out = new Float32Array() } = await runOnce(gpu, kernel, used, params, grid, constants);

      const left = fusion.norm ? normedRows(a, weight, EPS, { M, K, lda }, OFFSET) : a;
      const product = matmulReference(layout, left, b, { M, N: width, K, lda: fusion.norm ? K : lda, ldb });
      const adapter = matmulReference('nt', low, high, { M, N: width, K: R, lda: R, ldb: R });
      const sums = product.map(
        (value, i) =>
          value + (fusion.adapter ? (adapter[i] ?? 0) : 0) + (fusion.bias ? (bias[i % width] ?? 0) : 0),
      );
      const expected = activated(sums, fusion, M, N).map((value, i) => {
        const at = Math.floor(i / N) * ldc + (i % N);
        return value + (fusion.residual ? (residual[at] ?? 0) : 0) + (accumulate ? (before[at] ?? 0) : 0);
      });
      const actual = new Float32Array(M * N);
      for (let m = 0; m < M; m++) actual.set(out.subarray(m * ldc, m * ldc + N), m * N);
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

const plainCases = MATMUL_LAYOUTS.flatMap((layout) => {
  const kernel = plainMatmulKernels[layout];
  return SHAPES.map((shape) =>
    matmulCase(kernel.name, () => ({ kernel, tile: PLAIN_TILE }), layout, PLAIN, shape),
  );
});

function shapesOf({ storage, ...fusion }: MatmulFusion): readonly Shape[] {
  const isFused = Object.values(fusion).includes(true);
  if (storage === 'f32') return isFused ? FUSED_SHAPES : SHAPES;
  return isFused ? STORED_FUSED_SHAPES : STORED_SHAPES;
}

const generatedCases = (wanted: (fusion: MatmulFusion) => boolean): KernelCase[] =>
  MATMUL_LAYOUTS.flatMap((layout) =>
    matmulConfigurationNames.flatMap((configuration) =>
      fusionsOf(layout, configuration)
        .filter(wanted)
        .flatMap((fusion) => {
          const kernelFor: KernelFor = ({ facts: { subgroupSize } }, accumulate) => ({
            kernel: matmulKernel(layout, configuration, subgroupSize, { ...fusion, accumulate }),
            tile: matmulTile(matmulBlocking(configuration, subgroupSize), fusion),
          });
          const name = matmulName(layout, configuration, fusion);
          return shapesOf(fusion).map(([M, N, K, extra, accumulate]) => ({
            ...matmulCase(name, kernelFor, layout, fusion, [
              M,
              N,
              K,
              extra,
              accumulate && canAccumulate(fusion),
            ]),
            isFor: (facts: AdapterFacts) => isFor(configuration, facts),
          }));
        }),
    ),
  );

/** The plain kernels and every generated one, at every shape. */
export const matmulCases = [...plainCases, ...generatedCases(({ storage }) => storage === 'f32')];
/** Those whose b is not f32. */
export const matmulStoredCases = generatedCases(({ storage }) => storage !== 'f32');
