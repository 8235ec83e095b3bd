import type { View } from '../gpu/arena';
import type { AdapterFacts, Gpu } from '../gpu/device';
import type { Launch, Plan } from '../gpu/plan';
import { activationConstants, type Activation } from './activation';
import {
  fusable,
  matmulBlocking,
  matmulConfigurations,
  matmulKernel,
  type MatmulConfiguration,
} from './matmul_configurations';
import type { MatmulParam } from './matmul_generator';
import {
  matmulMerge,
  matmulMergeLaunch,
  partialFloats,
  sliceLength,
  slicesOf,
  splitRule,
} from './matmul_split';
import { canAccumulate, matmulTile, type MatmulFusion } from './matmul_text';
import { isQuantized, rowWords, type Storage } from './quantize';

/** Which operands are transposed. With tokens in rows: nt is a linear layer, nn its input's gradient, tn its weight's. */
export type MatmulLayout = 'nt' | 'nn' | 'tn';

export interface MatmulDims {
  M: number;
  N: number;
  K: number;
  /** Values from one row to the next, multiples of 4. Left out: the row's length rounded up to 4. A quantized b takes none. */
  lda?: number;
  ldb?: number;
  ldc?: number;
  /** out += product instead of out = product; with no extras but a bias. */
  accumulate?: boolean;
}

/** What joins the product in the same dispatch. */
export interface MatmulExtras {
  /** nt: the rows of a are RMS-normed on the way in, out = (a · (weight + offset) · rstd) bᵀ. weight (K), K a multiple of 4. */
  norm?: { weight: View; eps: number; offset?: number };
  /** (M,N), rows of ldc floats: out = product + residual. Not a range of out's buffer. */
  residual?: View;
  /** (N), N a multiple of 4: out = product + bias. With a gate (2N). */
  bias?: View;
  /** out = activation(product + bias). Without residual. */
  activated?: Activation;
  /** nt: b is (2N,K), gate rows then up rows; out (M,N) = activation(gate) · up. Without residual. */
  gated?: Activation;
  /** nt: the product gains low highᵀ: low (M,R), high (N,R) or with a gate (2N,R), rows end to end, R a multiple of 4. */
  adapter?: { low: View; high: View; R: number };
  /** nt, nn: how b is stored (src/kernels/quantize.ts). Arithmetic is f32. */
  bStorage?: Storage;
  /** Room for partial sums (`mostPartialFloats`): a product of few tiles may be split over k. Only with bStorage. */
  partials?: View | undefined;
}

/** Rows of the product: up to 8, up to 64, more; large in all three dims. What suits one suits the others badly. */
const SIZES = ['few', 'some', 'many', 'large'] as const;
export type ShapeClass = `${MatmulLayout}/${(typeof SIZES)[number]}`;

/** Least M, N and K of a large product. */
const LARGE = 256;

export function shapeClass(layout: MatmulLayout, { M, N, K }: MatmulDims): ShapeClass {
  if (Math.min(M, N, K) >= LARGE) return `${layout}/large`;
  return `${layout}/${M <= 8 ? 'few' : M <= 64 ? 'some' : 'many'}`;
}

/** Which configuration multiplies matrices of a class: plain data, pinned for a Gpu's life, recorded with a run. */
export type MatmulChoices = Record<ShapeClass, MatmulConfiguration>;

const everyLayout = (
  few: MatmulConfiguration,
  some: MatmulConfiguration,
  many: MatmulConfiguration,
  large = many,
): MatmulChoices =>
  Object.fromEntries(
    (['nt', 'nn', 'tn'] as const).flatMap((layout) => [
      [`${layout}/few`, few],
      [`${layout}/some`, some],
      [`${layout}/many`, many],
      [`${layout}/large`, large],
    ]),
  ) as MatmulChoices;

/** What an adapter uses when nothing was tuned. */
export function defaultChoices({ isSoftware, subgroupSize }: AdapterFacts): MatmulChoices {
  if (!isSoftware) return everyLayout('tiled_16x64', 'tiled_32x32', 'tiled_64x64');
  // Wide blocks pay where lanes are few; without subgroups small blocks load least.
  if (subgroupSize === undefined) return everyLayout('direct_8x32', 'direct_8x32', 'direct_8x32');
  if (subgroupSize !== 4) return everyLayout('direct_8x32', 'direct_16x32', 'direct_32x32');
  const choices = everyLayout('direct_8x32', 'direct_16x32', 'direct_32x32', 'direct_64x64');
  // Gradients sum over every token or a layer's output: long enough a loop for a wide block, which takes longer to compile.
  const wide = 'direct_32x64';
  return { ...choices, 'nn/many': wide, 'tn/many': wide };
}

const isPinned = (gpu: Gpu): boolean => Object.keys(gpu.choices).length > 0;

/**
 * Gives a Gpu its table, for its life: `table` where it names configurations of the adapter's kind, the default elsewhere (a
 * table of another version may be stale). Without effect once a matmul was recorded or a table pinned: what ran once runs
 * the same way again.
 */
export function pinChoices(gpu: Gpu, table: Readonly<Record<string, string>>): void {
  if (isPinned(gpu)) return;
  const choices: Record<string, string> = defaultChoices(gpu.facts);
  for (const [shape, chosen] of Object.entries(table)) {
    const kind = choices[shape]?.split('_')[0];
    if (chosen in matmulConfigurations && chosen.split('_')[0] === kind) choices[shape] = chosen;
  }
  gpu.choices = choices;
}

/** The table this Gpu uses; the default one is pinned when there is none yet. */
export function choicesOf(gpu: Gpu): MatmulChoices {
  pinChoices(gpu, {});
  return gpu.choices as MatmulChoices;
}

const roundUp4 = (n: number): number => Math.ceil(n / 4) * 4;

/** Stored shapes of the operands: a, b as (rows, row length). With a gate b has twice the rows. */
export function matmulShapes(
  layout: MatmulLayout,
  { M, N, K }: MatmulDims,
): { a: [number, number]; b: [number, number] } {
  return { a: layout === 'tn' ? [K, M] : [M, K], b: layout === 'nt' ? [N, K] : [K, N] };
}

/** What params and grid depend on beside dims and tile: `slices` of k, then out is (slices,M,N); how b is stored. */
export interface MatmulLaunchOptions {
  eps?: number;
  offset?: number;
  /** Columns of low and high. */
  R?: number;
  slices?: number;
  storage?: Storage;
}

/**
 * Params and grid of one matmul made in tiles of [rows, columns]. Errors: throws on a row stride that is not a multiple of
 * 4 or shorter than its row, and on any for a quantized b.
 */
export function matmulLaunch(
  layout: MatmulLayout,
  tile: readonly [rows: number, columns: number],
  dims: MatmulDims,
  { eps = 0, offset = 0, R = 0, slices = 1, storage = 'f32' }: MatmulLaunchOptions = {},
): Launch<MatmulParam | 'accumulate'> {
  const { M, N, K } = dims;
  const shapes = matmulShapes(layout, dims);
  const stride = (name: 'lda' | 'ldb' | 'ldc', length: number): number => {
    const value = dims[name] ?? roundUp4(length);
    if (value % 4 !== 0 || value < length) {
      throw new Error(
        `matmul_${layout}: ${name} is ${value}; rows of ${length} need a multiple of 4 from there`,
      );
    }
    return value;
  };
  if (isQuantized(storage) && dims.ldb !== undefined)
    throw new Error(`matmul_${layout}: rows of ${storage} lie end to end`);
  return {
    params: {
      M,
      N,
      K,
      lda: stride('lda', shapes.a[1]),
      ldb: isQuantized(storage) ? rowWords(storage, shapes.b[1]) : stride('ldb', shapes.b[1]),
      ldc: stride('ldc', N),
      accumulate: dims.accumulate ? 1 : 0,
      eps,
      slice: sliceLength(K, slices),
      offset,
      R,
    },
    grid: [Math.ceil(N / tile[1]), Math.ceil(M / tile[0]), slices],
  };
}

/**
 * Records out = a·b (or +=) in the given layout, with what `extras` adds to it. Views hold whole rows: a, b and out are
 * row-major with the strides of `dims`. M or N = 0 dispatches nothing. Every configuration the layout may need is recorded;
 * in each step the one for its M is dispatched, and a row has the same bits in all of them.
 */
export function addMatmul<D>(
  plan: Plan<D>,
  gpu: Gpu,
  layout: MatmulLayout,
  buffers: Record<'a' | 'b' | 'out', View>,
  dims: (step: D) => MatmulDims,
  extras: MatmulExtras = {},
): void {
  const { norm, residual, bias, gated, activated, adapter, bStorage = 'f32', partials } = extras;
  const activation = gated ?? activated;
  const fusion: MatmulFusion = {
    norm: norm !== undefined,
    residual: residual !== undefined,
    bias: bias !== undefined,
    gated: gated !== undefined,
    activated: activated !== undefined,
    adapter: adapter !== undefined,
    accumulate: false,
    storage: bStorage,
  };
  const views = {
    ...buffers,
    ...(norm ? { weight: norm.weight } : {}),
    ...(adapter ? { low: adapter.low, high: adapter.high } : {}),
    ...(residual ? { residual } : {}),
    ...(bias ? { bias } : {}),
  };
  const constants = activation ? activationConstants(activation) : {};
  const options = { eps: norm?.eps, offset: norm?.offset, R: adapter?.R, storage: bStorage };
  const isPlain = !Object.values(fusion).includes(true);
  const choices = choicesOf(gpu);
  const choose = (shape: ShapeClass): MatmulConfiguration =>
    isPlain ? choices[shape] : fusable(choices[shape]);
  const { subgroupSize } = gpu.facts;
  if (partials && !isPlain) throw new Error('a split product has no fusion');
  const isAdded = (step: D): boolean => {
    const { accumulate = false } = dims(step);
    if (accumulate && !canAccumulate(fusion))
      throw new Error(`matmul_${layout}: a fused product is not added`);
    return accumulate;
  };
  const rule = splitRule(gpu);
  const slices = (step: D): number => (partials ? slicesOf(rule, dims(step)) : 1);
  for (const configuration of new Set(SIZES.map((size) => choose(`${layout}/${size}`)))) {
    const tile = matmulTile(matmulBlocking(configuration, subgroupSize), fusion);
    const isChosen = (step: D): boolean => choose(shapeClass(layout, dims(step))) === configuration;
    for (const accumulate of canAccumulate(fusion) ? [false, true] : [false]) {
      const kernel = matmulKernel(layout, configuration, subgroupSize, { ...fusion, accumulate });
      plan.add(
        kernel,
        views,
        (step) =>
          only(
            isChosen(step) && slices(step) === 1 && isAdded(step) === accumulate,
            matmulLaunch(layout, tile, dims(step), options),
          ),
        constants,
      );
    }
    if (!partials) continue;
    const kernel = matmulKernel(layout, configuration, subgroupSize, fusion);
    plan.add(kernel, { ...views, out: partials }, (step) => {
      const parts = slices(step);
      const whole = { ...dims(step), ldc: undefined };
      return only(
        isChosen(step) && parts > 1,
        matmulLaunch(layout, tile, whole, { slices: parts, storage: bStorage }),
      );
    });
  }
  if (!partials) return;
  plan.add(matmulMerge, { partials, out: buffers.out }, (step) => {
    const parts = slices(step);
    const needed = 4 * partialFloats(parts, dims(step));
    if (parts > 1 && needed > partials.bytes)
      throw new Error(`matmul_${layout}: ${needed} bytes of partial sums, room for ${partials.bytes}`);
    return only(parts > 1, matmulMergeLaunch(dims(step), parts));
  });
}

/** A launch, or none in this step. */
const only = <P extends string>(isWanted: boolean, launch: Launch<P>): Launch<P> =>
  isWanted ? launch : { ...launch, grid: [0] };
