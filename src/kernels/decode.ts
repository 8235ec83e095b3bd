import attention from '../../shaders/decode_attention.wgsl?raw';
import attentionDirect from '../../shaders/decode_attention_direct.wgsl?raw';
import append from '../../shaders/kv_append.wgsl?raw';
import type { View } from '../gpu/arena';
import { defineKernel, grid1d } from '../gpu/kernel';
import type { Launch, Plan } from '../gpu/plan';
import type { AttentionDesign } from './attention';
import { qkvWidth, type Heads } from './rope';

/** A row with this slot holds no sequence. */
export const NO_SLOT = 0xffffffff;

export const kvAppend = defineKernel({
  name: 'kv_append',
  wgsl: append,
  buffers: { qkv: 'read', slots: 'read', positions: 'read', k_cache: 'read_write', v_cache: 'read_write' },
  params: { N: 'u32', QKV: 'u32', NH: 'u32', NKV: 'u32', HS: 'u32', Tmax: 'u32' },
});

const decodeBinding = {
  buffers: {
    qkv: 'read',
    slots: 'read',
    positions: 'read',
    k_cache: 'read',
    v_cache: 'read',
    out: 'read_write',
  },
  params: { B: 'u32', NH: 'u32', NKV: 'u32', HS: 'u32', QKV: 'u32', Tmax: 'u32' },
} as const;

/** The same results by two designs: see attentionKernels. */
export const decodeAttentionKernels = {
  tiled: defineKernel({ name: 'decode_attention', wgsl: attention, ...decodeBinding }),
  direct: defineKernel({ name: 'decode_attention_direct', wgsl: attentionDirect, ...decodeBinding }),
} as const;

/** Params and grid of `kv_append` on N tokens; Tmax is how many tokens a slot of the caches holds. */
export function kvAppendLaunch(N: number, heads: Heads, Tmax: number): Launch<keyof typeof kvAppend.params> {
  const { NH, NKV, HS } = heads;
  return {
    params: { N, QKV: qkvWidth(heads), NH, NKV, HS, Tmax },
    grid: grid1d(Math.ceil((N * NKV * HS) / 4 / 64)),
  };
}

/** Params and grid of a design's `decode_attention` on B sequences. */
export function decodeAttentionLaunch(
  design: AttentionDesign,
  B: number,
  heads: Heads,
  Tmax: number,
): Launch<keyof typeof decodeBinding.params> {
  const { NH, NKV, HS } = heads;
  return {
    params: { B, NH, NKV, HS, QKV: qkvWidth(heads), Tmax },
    grid: design === 'tiled' ? [NH, B] : grid1d(Math.ceil((B * NH * Math.ceil(HS / 16)) / 8)),
  };
}

/** Records `kv_append`: the keys and values of `tokens` rows of qkv go to their slots of the caches (S,Tmax,NKV*HS). */
export function addKvAppend<D>(
  plan: Plan<D>,
  buffers: Record<'qkv' | 'slots' | 'positions' | 'k_cache' | 'v_cache', View>,
  heads: Heads,
  Tmax: number,
  tokens: (dims: D) => number,
): void {
  plan.add(kvAppend, buffers, (dims) => kvAppendLaunch(tokens(dims), heads, Tmax));
}

/** Records `decode_attention`: one query a row of qkv over its slot of the caches, after `kv_append` of the same rows. */
export function addDecodeAttention<D>(
  plan: Plan<D>,
  buffers: Record<'qkv' | 'slots' | 'positions' | 'k_cache' | 'v_cache' | 'out', View>,
  heads: Heads,
  Tmax: number,
  rows: (dims: D) => number,
  design: AttentionDesign = plan.gpu.facts.isSoftware ? 'direct' : 'tiled',
): void {
  const launch = (dims: D) => decodeAttentionLaunch(design, rows(dims), heads, Tmax);
  plan.add(decodeAttentionKernels[design], buffers, launch);
}
