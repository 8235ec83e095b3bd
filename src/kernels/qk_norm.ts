import backwardWgsl from '../../shaders/qk_norm_backward.wgsl?raw';
import forwardWgsl from '../../shaders/qk_norm_forward.wgsl?raw';
import type { Gpu } from '../gpu/device';
import { defineKernel, grid1d } from '../gpu/kernel';
import type { Launch } from '../gpu/plan';
import { rmsnormBackwardWeightLaunch, rmsnormPartialsShape, type rmsnormBackwardWeight } from './rmsnorm';
import { qkvWidth, type Heads } from './rope';

/**
 * out (N,QKV) = inp with every query and key head RMS-normed by itself, before RoPE (Qwen 3, Gemma 3). weight (2,HS): of
 * the queries, then of the keys; rstd (N,NH+NKV) is kept for the backward, and so is inp.
 */
export const qkNormForward = defineKernel({
  name: 'qk_norm_forward',
  wgsl: forwardWgsl,
  buffers: { inp: 'read', weight: 'read', out: 'read_write', rstd: 'read_write' },
  params: { N: 'u32', NH: 'u32', NKV: 'u32', HS: 'u32', eps: 'f32', offset: 'f32' },
});

/**
 * dqkv (N,QKV), in place: from the gradient of out to that of inp. partials (ceil(N/32)·NKV,2,HS): the gradients of both
 * weights, which `rmsnormBackwardWeight` adds up.
 */
export const qkNormBackward = defineKernel({
  name: 'qk_norm_backward',
  wgsl: backwardWgsl,
  buffers: { inp: 'read', weight: 'read', rstd: 'read', dqkv: 'read_write', partials: 'read_write' },
  params: { N: 'u32', NH: 'u32', NKV: 'u32', HS: 'u32', offset: 'f32' },
});

const HEADS_A_WORKGROUP = 8;
/** Tokens whose sum `qkNormBackward` leaves as NKV rows of partials. */
const TOKENS_A_BLOCK = 32;

/** Threads a head, of both kernels: one on a CPU adapter, where barriers are dear. */
export const qkNormConstants = (gpu: Gpu): { LANES: number } => ({ LANES: gpu.facts.isSoftware ? 1 : 8 });

/** `offset` is added to the weights (Gemma: 1). */
export function qkNormForwardLaunch(
  N: number,
  heads: Heads,
  { eps, offset = 0 }: { eps: number; offset?: number },
): Launch<keyof typeof qkNormForward.params> {
  const { NH, NKV, HS } = heads;
  return {
    params: { N, NH, NKV, HS, eps, offset },
    grid: grid1d(Math.ceil((N * qkvWidth(heads)) / HS / HEADS_A_WORKGROUP)),
  };
}

/** `offset` as in the forward. */
export function qkNormBackwardLaunch(
  N: number,
  { NH, NKV, HS }: Heads,
  offset = 0,
): Launch<keyof typeof qkNormBackward.params> {
  return { params: { N, NH, NKV, HS, offset }, grid: [Math.ceil(N / TOKENS_A_BLOCK), NKV] };
}

/** Shape of the partials of L layers over at most N tokens: each layer's part starts at a multiple of 256 bytes. */
export const qkNormPartialsShape = (L: number, N: number, { NKV, HS }: Heads): [number, number, number] =>
  rmsnormPartialsShape(L, rowsOf(N, NKV), 2 * HS);

/** `rmsnormBackwardWeight` of the partials of N tokens; weights (L,stride), the first 2·HS floats of each row. */
export const qkNormBackwardWeightLaunch = (
  N: number,
  { NKV }: Heads,
  shape: readonly [number, number, number],
  stride: number,
): Launch<keyof typeof rmsnormBackwardWeight.params> =>
  rmsnormBackwardWeightLaunch(rowsOf(N, NKV), shape, stride);

/** So many rows would rmsnorm leave as many partials. */
const rowsOf = (N: number, NKV: number): number => Math.ceil(N / TOKENS_A_BLOCK) * NKV * TOKENS_A_BLOCK;
