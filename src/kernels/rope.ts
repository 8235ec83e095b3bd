import wgsl from '../../shaders/rope.wgsl?raw';
import type { View } from '../gpu/arena';
import { defineKernel, grid1d } from '../gpu/kernel';
import type { Launch, Plan } from '../gpu/plan';

/** Head counts of a model: query heads, key/value heads, and the size of each (a multiple of 4, at most 128). */
export interface Heads {
  NH: number;
  NKV: number;
  HS: number;
}

/** Floats of a token's row of `qkv`: [NH query heads | NKV key heads | NKV value heads]. */
export const qkvWidth = ({ NH, NKV, HS }: Heads): number => (NH + 2 * NKV) * HS;

export const rope = defineKernel({
  name: 'rope',
  wgsl,
  buffers: { qkv: 'read_write', positions: 'read', table: 'read' },
  params: { N: 'u32', QKV: 'u32', heads: 'u32', HS: 'u32', direction: 'f32' },
});

/** Params and grid of `rope` on N tokens; direction 1 rotates (forward), -1 rotates back (backward). */
export function ropeLaunch(
  N: number,
  heads: Heads,
  direction: 1 | -1,
): Launch<'N' | 'QKV' | 'heads' | 'HS' | 'direction'> {
  const rotated = heads.NH + heads.NKV;
  return {
    params: { N, QKV: qkvWidth(heads), heads: rotated, HS: heads.HS, direction },
    grid: grid1d(Math.ceil((N * rotated * heads.HS) / 4 / 64)),
  };
}

/** Records `rope` on the query and key heads of `qkv` (forward), or of `dqkv` (backward, direction -1), in place. */
export function addRope<D>(
  plan: Plan<D>,
  buffers: Record<'qkv' | 'positions' | 'table', View>,
  heads: Heads,
  tokens: (dims: D) => number,
  direction: 1 | -1,
): void {
  plan.add(rope, buffers, (dims) => ropeLaunch(tokens(dims), heads, direction));
}

/**
 * The rope table (T,HS): row t holds cos(t·w_i), then sin(t·w_i), with w_i = theta^(-2i/HS) for i < HS/2 (arXiv:2104.09864,
 * section 3.2.2; `rope_theta` of Hugging Face configs). Angles are taken in f64, so long positions stay exact.
 */
export function ropeTable(T: number, HS: number, theta: number): Float32Array {
  const half = HS / 2;
  const table = new Float32Array(T * HS);
  for (let t = 0; t < T; t++) {
    for (let i = 0; i < half; i++) {
      const angle = t * theta ** ((-2 * i) / HS);
      table[t * HS + i] = Math.cos(angle);
      table[t * HS + half + i] = Math.sin(angle);
    }
  }
  return table;
}
