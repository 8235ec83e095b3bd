import matmulNn from '../../shaders/matmul_nn.wgsl?raw';
import matmulNnDirect from '../../shaders/matmul_nn_direct.wgsl?raw';
import matmulNt from '../../shaders/matmul_nt.wgsl?raw';
import matmulNtDirect from '../../shaders/matmul_nt_direct.wgsl?raw';
import matmulTn from '../../shaders/matmul_tn.wgsl?raw';
import matmulTnDirect from '../../shaders/matmul_tn_direct.wgsl?raw';
import type { View } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { defineKernel } from '../gpu/kernel';
import type { Launch, Plan } from '../gpu/plan';

/** Which operands are transposed. With tokens in rows: nt is a linear layer, nn its input's gradient, tn its weight's. */
export type MatmulLayout = 'nt' | 'nn' | 'tn';

/** `tiled` goes through workgroup memory (GPUs); `direct` does not (software adapters). */
export type MatmulConfiguration = 'tiled' | 'direct';

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

const define = (name: string, wgsl: string) =>
  defineKernel({
    name,
    wgsl,
    buffers: { a: 'read', b: 'read', out: 'read_write' },
    params: { M: 'u32', N: 'u32', K: 'u32', lda: 'u32', ldb: 'u32', ldc: 'u32', accumulate: 'u32' },
  });

/** The matmul kernels by layout and configuration. */
export const matmulKernels = {
  nt: { tiled: define('matmul_nt', matmulNt), direct: define('matmul_nt_direct', matmulNtDirect) },
  nn: { tiled: define('matmul_nn', matmulNn), direct: define('matmul_nn_direct', matmulNnDirect) },
  tn: { tiled: define('matmul_tn', matmulTn), direct: define('matmul_tn_direct', matmulTnDirect) },
};

/** Rows and columns of `out` that one workgroup makes. */
const TILES = { tiled: [64, 64], direct: [16, 64] } as const;

const roundUp4 = (n: number): number => Math.ceil(n / 4) * 4;

/** Stored shapes of the operands: a, b as (rows, row length). */
export function matmulShapes(
  layout: MatmulLayout,
  { M, N, K }: MatmulDims,
): { a: [number, number]; b: [number, number] } {
  return { a: layout === 'tn' ? [K, M] : [M, K], b: layout === 'nt' ? [N, K] : [K, N] };
}

/** Params and grid of one matmul. Errors: throws on a row stride that is not a multiple of 4 or shorter than its row. */
export function matmulLaunch(
  layout: MatmulLayout,
  configuration: MatmulConfiguration,
  dims: MatmulDims,
): Launch<'M' | 'N' | 'K' | 'lda' | 'ldb' | 'ldc' | 'accumulate'> {
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
  const [rows, columns] = TILES[configuration];
  return {
    params: {
      M,
      N,
      K,
      lda: stride('lda', shapes.a[1]),
      ldb: stride('ldb', shapes.b[1]),
      ldc: stride('ldc', N),
      accumulate: dims.accumulate ? 1 : 0,
    },
    grid: [Math.ceil(N / columns), Math.ceil(M / rows)],
  };
}

/**
 * Records out = a·b (or +=) in the given layout, in the configuration that suits the adapter. Views hold whole rows:
 * a, b and out are row-major with the strides of `dims`. M or N = 0 dispatches nothing.
 */
export function addMatmul<D>(
  plan: Plan<D>,
  gpu: Gpu,
  layout: MatmulLayout,
  buffers: Record<'a' | 'b' | 'out', View>,
  dims: (step: D) => MatmulDims,
): void {
  const configuration = gpu.facts.isSoftware ? 'direct' : 'tiled';
  plan.add(matmulKernels[layout][configuration], buffers, (step) =>
    matmulLaunch(layout, configuration, dims(step)),
  );
}
