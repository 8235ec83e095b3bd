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
}

/** out = weight · inp · rstd (Zhang & Sennrich 2019). */
export const rmsnormForward = defineKernel({
  name: 'rmsnorm_forward',
  wgsl: forwardWgsl,
  buffers: { inp: 'read', weight: 'read', out: 'read_write', rstd: 'read_write' },
  params: { N: 'u32', C: 'u32', eps: 'f32' },
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
  params: { N: 'u32', C: 'u32', eps: 'f32' },
});

/** dinp += gradient; `inp` is what was normalised. */
export const rmsnormBackward = defineKernel({
  name: 'rmsnorm_backward',
  wgsl: backwardWgsl,
  buffers: { dout: 'read', inp: 'read', weight: 'read', rstd: 'read', dinp: 'read_write' },
  params: { N: 'u32', C: 'u32' },
});

/** dweight += gradient. */
export const rmsnormBackwardWeight = defineKernel({
  name: 'rmsnorm_backward_weight',
  wgsl: backwardWeightWgsl,
  buffers: { dout: 'read', inp: 'read', rstd: 'read', dweight: 'read_write' },
  params: { N: 'u32', C: 'u32' },
});

const ROWS_A_WORKGROUP = 4;
const COLUMNS_A_WORKGROUP = 16;

/**
 * Threads a row of all but `rmsnormBackwardWeight`: one on a CPU adapter, where barriers are dear (5 times faster on
 * SwiftShader).
 */
export const rmsnormConstants = (gpu: Gpu): { LANES: number } => ({ LANES: gpu.facts.isSoftware ? 1 : 16 });

/** Launch of `rmsnormForward` and `residualRmsnormForward`. */
export function rmsnormForwardLaunch({
  N,
  C,
  eps,
}: RmsnormDims & { eps: number }): Launch<'N' | 'C' | 'eps'> {
  return { params: { N, C, eps }, grid: grid1d(Math.ceil(N / ROWS_A_WORKGROUP)) };
}

export function rmsnormBackwardLaunch({ N, C }: RmsnormDims): Launch<'N' | 'C'> {
  return { params: { N, C }, grid: grid1d(Math.ceil(N / ROWS_A_WORKGROUP)) };
}

export function rmsnormBackwardWeightLaunch({ N, C }: RmsnormDims): Launch<'N' | 'C'> {
  return { params: { N, C }, grid: [N === 0 ? 0 : Math.ceil(C / COLUMNS_A_WORKGROUP)] };
}
