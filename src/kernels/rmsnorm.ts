import backwardWgsl from '../../shaders/rmsnorm_backward.wgsl?raw';
import backwardWeightWgsl from '../../shaders/rmsnorm_backward_weight.wgsl?raw';
import forwardWgsl from '../../shaders/rmsnorm_forward.wgsl?raw';
import residualForwardWgsl from '../../shaders/residual_rmsnorm_forward.wgsl?raw';
import type { Gpu } from '../gpu/device';
import { defineKernel, grid1d } from '../gpu/kernel';
import type { Launch } from '../gpu/plan';

/** N rows, C columns (a multiple of 4). */
export interface RmsnormDims {
  N: number;
  C: number;
  /** Added to the weights: 1 where they are kept less 1 (Gemma); 0 when left out. LayerNorm has none. */
  offset?: number;
}

/** out = (weight + offset) · inp · rstd (Zhang & Sennrich 2019); with the constant ADD out += that. */
export const rmsnormForward = defineKernel({
  name: 'rmsnorm_forward',
  wgsl: forwardWgsl,
  buffers: { inp: 'read', weight: 'read', out: 'read_write', rstd: 'read_write' },
  params: { N: 'u32', C: 'u32', eps: 'f32', offset: 'f32' },
});

/** sum = inp + branch, then its RMS norm. */
export const residualRmsnormForward = defineKernel({
  name: 'residual_rmsnorm_forward',
  wgsl: residualForwardWgsl,
  buffers: {
    inp: 'read',
    branch: 'read',
    weight: 'read',
    sum: 'read_write',
    out: 'read_write',
    rstd: 'read_write',
  },
  params: { N: 'u32', C: 'u32', eps: 'f32', offset: 'f32' },
});

/** dinp += gradient; `inp` is what was normalised. partials (ceil(N/32),C): the weight's gradient, 32 rows each. */
export const rmsnormBackward = defineKernel({
  name: 'rmsnorm_backward',
  wgsl: backwardWgsl,
  buffers: {
    dout: 'read',
    inp: 'read',
    weight: 'read',
    rstd: 'read',
    dinp: 'read_write',
    partials: 'read_write',
  },
  params: { N: 'u32', C: 'u32', offset: 'f32' },
});

/** dweight += the partial sums of K norms, whose weights lie `stride` floats apart. */
export const rmsnormBackwardWeight = defineKernel({
  name: 'rmsnorm_backward_weight',
  wgsl: backwardWeightWgsl,
  buffers: { partials: 'read', dweight: 'read_write' },
  params: { K: 'u32', C: 'u32', blocks: 'u32', most: 'u32', stride: 'u32' },
});

const ROWS_A_WORKGROUP = 4;
/** Rows whose sum `rmsnormBackward` leaves as one row of partials. */
const ROWS_A_BLOCK = 32;

/** Threads a row of the forward kernels: one on a CPU adapter, where barriers are dear (5 times faster on SwiftShader). */
export const rmsnormConstants = (gpu: Gpu): { LANES: number } => ({ LANES: gpu.facts.isSoftware ? 1 : 16 });

/** Threads a row of `rmsnormBackward`. */
export const rmsnormBackwardConstants = (gpu: Gpu): { LANES: number } => ({
  LANES: gpu.facts.isSoftware ? 1 : 8,
});

/** Shape of the partials of K norms over at most N rows: each norm's part starts at a multiple of 256 bytes. */
export const rmsnormPartialsShape = (K: number, N: number, C: number): [number, number, number] => [
  K,
  Math.ceil(N / ROWS_A_BLOCK / 16) * 16,
  C,
];

/** Launch of `rmsnormForward` and `residualRmsnormForward`. */
export function rmsnormForwardLaunch({
  N,
  C,
  eps,
  offset = 0,
}: RmsnormDims & { eps: number }): Launch<'N' | 'C' | 'eps' | 'offset'> {
  return { params: { N, C, eps, offset }, grid: grid1d(Math.ceil(N / ROWS_A_WORKGROUP)) };
}

export function rmsnormBackwardLaunch({ N, C, offset = 0 }: RmsnormDims): Launch<'N' | 'C' | 'offset'> {
  return { params: { N, C, offset }, grid: grid1d(Math.ceil(N / ROWS_A_BLOCK)) };
}

/** `shape`: of the partials, by `rmsnormPartialsShape`; N rows of them are this step's. */
export function rmsnormBackwardWeightLaunch(
  N: number,
  [K, most, C]: readonly [number, number, number],
  stride: number,
): Launch<'K' | 'C' | 'blocks' | 'most' | 'stride'> {
  return {
    params: { K, C, blocks: Math.ceil(N / ROWS_A_BLOCK), most, stride },
    grid: grid1d(Math.ceil((K * C) / 256)),
  };
}
