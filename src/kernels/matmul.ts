import matmulNn from '../../shaders/matmul_nn.wgsl?raw';
import matmulNt from '../../shaders/matmul_nt.wgsl?raw';
import matmulTn from '../../shaders/matmul_tn.wgsl?raw';
import type { View } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { defineKernel, type Kernel } from '../gpu/kernel';
import type { Launch, Plan } from '../gpu/plan';
import {
  generateMatmul,
  matmulName,
  matmulTile,
  PLAIN,
  type Blocking,
  type MatmulFusion,
  type MatmulParam,
} from './matmul_generator';

/** Which operands are transposed. With tokens in rows: nt is a linear layer, nn its input's gradient, tn its weight's. */
export type MatmulLayout = 'nt' | 'nn' | 'tn';

export interface MatmulDims {
  M: number;
  N: number;
  K: number;
  /** Floats from one row to the next, multiples of 4. Left out: the row's length rounded up to 4. */
  lda?: number;
  ldb?: number;
  ldc?: number;
  /** out += product instead of out = product. */
  accumulate?: boolean;
}

/** What joins the product in the same dispatch. */
export interface MatmulExtras {
  /** nt: the rows of a are RMS-normed on the way in, out = (a · weight · rstd) bᵀ. weight (K), K a multiple of 4. */
  norm?: { weight: View; eps: number };
  /** (M,N), rows of ldc floats: out = product + residual. Not a range of out's buffer. */
  residual?: View;
  /** (N), N a multiple of 4: out = product + bias. */
  bias?: View;
  /** nt: b is (2N,K), gate rows then up rows; out (M,N) = silu(gate) · up. Without residual and bias. */
  swiglu?: boolean;
}

/**
 * The ways of dividing the work, by name. `direct` ones have no workgroup memory and no barrier, which cost an adapter
 * that runs on a CPU more than they save.
 */
export const matmulConfigurations = {
  tiled_64x64: { rows: 4, columns: 4, across: 16, down: 16, step: 16 },
  direct_8x8: { rows: 8, columns: 8, across: 8, down: 1 },
} as const satisfies Record<string, Blocking>;

export type MatmulConfiguration = keyof typeof matmulConfigurations;

const define = (name: string, wgsl: string) =>
  defineKernel({
    name,
    wgsl,
    buffers: { a: 'read', b: 'read', out: 'read_write' },
    params: { M: 'u32', N: 'u32', K: 'u32', lda: 'u32', ldb: 'u32', ldc: 'u32', accumulate: 'u32' },
  });

/** The hand-written kernels: 64×64 tiles, the oracle of the generated ones. */
export const plainMatmulKernels = {
  nt: define('matmul_nt', matmulNt),
  nn: define('matmul_nn', matmulNn),
  tn: define('matmul_tn', matmulTn),
};

export const PLAIN_TILE = [64, 64] as const;

const generated = new Map<string, Kernel<string, MatmulParam>>();

/** A kernel of the family; its text is written once. */
export function matmulKernel(
  layout: MatmulLayout,
  configuration: MatmulConfiguration,
  fusion: MatmulFusion = PLAIN,
): Kernel<string, MatmulParam> {
  const name = matmulName(layout, configuration, fusion);
  let kernel = generated.get(name);
  if (!kernel) {
    kernel = generateMatmul(layout, configuration, matmulConfigurations[configuration], fusion);
    generated.set(name, kernel);
  }
  return kernel;
}

/** The fusions that the models use, of every layout: what the family consists of. */
export const matmulFusions: Record<MatmulLayout, readonly MatmulFusion[]> = {
  nt: [
    PLAIN,
    { ...PLAIN, residual: true },
    { ...PLAIN, bias: true },
    { ...PLAIN, norm: true },
    { ...PLAIN, norm: true, bias: true },
    { ...PLAIN, norm: true, swiglu: true },
  ],
  nn: [PLAIN],
  tn: [PLAIN],
};

export const MATMUL_LAYOUTS = ['nt', 'nn', 'tn'] as const satisfies readonly MatmulLayout[];
export const matmulConfigurationNames = Object.keys(matmulConfigurations) as MatmulConfiguration[];

/** Every generated kernel of the family. */
export function matmulFamily(): Kernel<string, MatmulParam>[] {
  return MATMUL_LAYOUTS.flatMap((layout) =>
    matmulConfigurationNames.flatMap((configuration) =>
      matmulFusions[layout].map((fusion) => matmulKernel(layout, configuration, fusion)),
    ),
  );
}

const roundUp4 = (n: number): number => Math.ceil(n / 4) * 4;

/** Stored shapes of the operands: a, b as (rows, row length). With swiglu b has twice the rows. */
export function matmulShapes(
  layout: MatmulLayout,
  { M, N, K }: MatmulDims,
): { a: [number, number]; b: [number, number] } {
  return { a: layout === 'tn' ? [K, M] : [M, K], b: layout === 'nt' ? [N, K] : [K, N] };
}

/**
 * Params and grid of one matmul made in tiles of [rows, columns]. Errors: throws on a row stride that is not a multiple of
 * 4 or shorter than its row.
 */
export function matmulLaunch(
  layout: MatmulLayout,
  tile: readonly [rows: number, columns: number],
  dims: MatmulDims,
  eps = 0,
): Launch<MatmulParam> {
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
  return {
    params: {
      M,
      N,
      K,
      lda: stride('lda', shapes.a[1]),
      ldb: stride('ldb', shapes.b[1]),
      ldc: stride('ldc', N),
      accumulate: dims.accumulate ? 1 : 0,
      eps,
    },
    grid: [Math.ceil(N / tile[1]), Math.ceil(M / tile[0])],
  };
}

/**
 * Records out = a·b (or +=) in the given layout, with what `extras` adds to it, in the configuration that suits the
 * adapter. Views hold whole rows: a, b and out are row-major with the strides of `dims`. M or N = 0 dispatches nothing.
 */
export function addMatmul<D>(
  plan: Plan<D>,
  gpu: Gpu,
  layout: MatmulLayout,
  buffers: Record<'a' | 'b' | 'out', View>,
  dims: (step: D) => MatmulDims,
  extras: MatmulExtras = {},
): void {
  const configuration = gpu.facts.isSoftware ? 'direct_8x8' : 'tiled_64x64';
  const { norm, residual, bias, swiglu = false } = extras;
  const fusion = {
    norm: norm !== undefined,
    residual: residual !== undefined,
    bias: bias !== undefined,
    swiglu,
  };
  const tile = matmulTile(matmulConfigurations[configuration], fusion);
  plan.add(
    matmulKernel(layout, configuration, fusion),
    {
      ...buffers,
      ...(norm ? { weight: norm.weight } : {}),
      ...(residual ? { residual } : {}),
      ...(bias ? { bias } : {}),
    },
    (step) => matmulLaunch(layout, tile, dims(step), norm?.eps),
  );
}
