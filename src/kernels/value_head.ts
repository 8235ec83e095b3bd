import backwardWgsl from '../../shaders/value_head_backward.wgsl?raw';
import backwardWeightWgsl from '../../shaders/value_head_backward_weight.wgsl?raw';
import forwardWgsl from '../../shaders/value_head_forward.wgsl?raw';
import { defineKernel, grid1d } from '../gpu/kernel';
import type { Launch } from '../gpu/plan';

/** M rows, C columns (a multiple of 4). */
export interface ValueHeadDims {
  M: number;
  C: number;
}

/** value (M) = inp (M,C) · weight (C) + bias (1). */
export const valueHeadForward = defineKernel({
  name: 'value_head_forward',
  wgsl: forwardWgsl,
  buffers: { inp: 'read', weight: 'read', bias: 'read', value: 'read_write' },
  params: { M: 'u32', C: 'u32' },
});

/** dinp (M,C) += gradient. */
export const valueHeadBackward = defineKernel({
  name: 'value_head_backward',
  wgsl: backwardWgsl,
  buffers: { dvalue: 'read', weight: 'read', dinp: 'read_write' },
  params: { M: 'u32', C: 'u32' },
});

/** dweight (C) += and dbias (1) += gradients. */
export const valueHeadBackwardWeight = defineKernel({
  name: 'value_head_backward_weight',
  wgsl: backwardWeightWgsl,
  buffers: { dvalue: 'read', inp: 'read', dweight: 'read_write', dbias: 'read_write' },
  params: { M: 'u32', C: 'u32' },
});

const ROWS_A_WORKGROUP = 4;
const COLUMNS_A_WORKGROUP = 16;
const ELEMENTS_A_WORKGROUP = 64 * 4;

export function valueHeadForwardLaunch({ M, C }: ValueHeadDims): Launch<'M' | 'C'> {
  return { params: { M, C }, grid: grid1d(Math.ceil(M / ROWS_A_WORKGROUP)) };
}

export function valueHeadBackwardLaunch({ M, C }: ValueHeadDims): Launch<'M' | 'C'> {
  return { params: { M, C }, grid: grid1d(Math.ceil((M * C) / ELEMENTS_A_WORKGROUP)) };
}

export function valueHeadBackwardWeightLaunch({ M, C }: ValueHeadDims): Launch<'M' | 'C'> {
  return { params: { M, C }, grid: [M === 0 ? 0 : Math.ceil(C / COLUMNS_A_WORKGROUP)] };
}
