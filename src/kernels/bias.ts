import wgsl from '../../shaders/bias_backward.wgsl?raw';
import type { Gpu } from '../gpu/device';
import { defineKernel } from '../gpu/kernel';
import type { Launch } from '../gpu/plan';

/** dbias (C) += column sums of dout (N,C); C a multiple of 4. */
export const biasBackward = defineKernel({
  name: 'bias_backward',
  wgsl,
  buffers: { dout: 'read', dbias: 'read_write' },
  params: { N: 'u32', C: 'u32' },
});

const COLUMNS_A_WORKGROUP = 32;

/** Threads over the rows: one on a CPU adapter, where barriers are dear. */
export const biasBackwardConstants = (gpu: Gpu): { LANES: number } => ({
  LANES: gpu.facts.isSoftware ? 1 : 32,
});

export function biasBackwardLaunch({ N, C }: { N: number; C: number }): Launch<'N' | 'C'> {
  return { params: { N, C }, grid: [N === 0 ? 0 : Math.ceil(C / COLUMNS_A_WORKGROUP)] };
}
