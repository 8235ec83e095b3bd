import dkv from '../../shaders/attention_backward_dkv.wgsl?raw';
import dkvSubgroup from '../../shaders/attention_backward_dkv_subgroup.wgsl?raw';
import dkvDirect from '../../shaders/attention_backward_dkv_direct.wgsl?raw';
import dq from '../../shaders/attention_backward_dq.wgsl?raw';
import dqSubgroup from '../../shaders/attention_backward_dq_subgroup.wgsl?raw';
import dqDirect from '../../shaders/attention_backward_dq_direct.wgsl?raw';
import forward from '../../shaders/attention_forward.wgsl?raw';
import forwardSubgroup from '../../shaders/attention_forward_subgroup.wgsl?raw';
import forwardDirect from '../../shaders/attention_forward_direct.wgsl?raw';
import type { View } from '../gpu/arena';
import { defineKernel } from '../gpu/kernel';
import type { Launch, Plan } from '../gpu/plan';
import type { Heads } from './rope';

const params = { NH: 'u32', NKV: 'u32', HS: 'u32', window: 'u32', scale: 'f32' } as const;

const forwardBinding = {
  buffers: { qkv: 'read', tiles: 'read', out: 'read_write', lse: 'read_write' },
  params,
} as const;

const queriesBinding = {
  buffers: {
    qkv: 'read',
    out: 'read',
    dout: 'read',
    lse: 'read',
    delta: 'read_write',
    tiles: 'read',
    dqkv: 'read_write',
  },
  params,
} as const;

const keysBinding = {
  buffers: { qkv: 'read', dout: 'read', lse: 'read', delta: 'read', tiles: 'read', dqkv: 'read_write' },
  params,
} as const;

/**
 * Three sets of kernels with the same bindings and results: `tiled` shares keys and values through workgroup memory, for
 * GPUs; `direct` has no barrier, which on a CPU adapter costs more than the memory it saves; `subgroup` shares them through
 * subgroups instead, where there are any.
 */
export const attentionKernels = {
  tiled: {
    forward: defineKernel({ name: 'attention_forward', wgsl: forward, ...forwardBinding }),
    dq: defineKernel({ name: 'attention_backward_dq', wgsl: dq, ...queriesBinding }),
    dkv: defineKernel({ name: 'attention_backward_dkv', wgsl: dkv, ...keysBinding }),
  },
  direct: {
    forward: defineKernel({ name: 'attention_forward_direct', wgsl: forwardDirect, ...forwardBinding }),
    dq: defineKernel({ name: 'attention_backward_dq_direct', wgsl: dqDirect, ...queriesBinding }),
    dkv: defineKernel({ name: 'attention_backward_dkv_direct', wgsl: dkvDirect, ...keysBinding }),
  },
  subgroup: {
    forward: defineKernel({ name: 'attention_forward_subgroup', wgsl: forwardSubgroup, ...forwardBinding }),
    dq: defineKernel({ name: 'attention_backward_dq_subgroup', wgsl: dqSubgroup, ...queriesBinding }),
    dkv: defineKernel({ name: 'attention_backward_dkv_subgroup', wgsl: dkvSubgroup, ...keysBinding }),
  },
} as const;

export type AttentionDesign = keyof typeof attentionKernels;

/** Queries (or keys) a workgroup handles: the tile of the WGSL files. */
export const ATTENTION_TILE = 32;

/**
 * Cuts a packed batch into attention tiles of at most 32 tokens of one sequence. `seqStart` (B+1): where each sequence
 * starts, and N. Returns `tiles` (count,4) u32: sequence start, sequence end, first token of the tile, 0. Sequences without
 * tokens have no tile.
 */
export function attentionTiles(seqStart: Uint32Array): { tiles: Uint32Array; count: number } {
  const rows: number[] = [];
  for (let b = 0; b + 1 < seqStart.length; b++) {
    const start = seqStart[b] ?? 0;
    const end = seqStart[b + 1] ?? start;
    for (let at = start; at < end; at += ATTENTION_TILE) rows.push(start, end, at, 0);
  }
  return { tiles: Uint32Array.from(rows), count: rows.length / 4 };
}

/** Most tiles that N tokens in B sequences can have: the capacity to give `tiles`. */
export const maxAttentionTiles = (N: number, B: number): number => Math.floor(N / ATTENTION_TILE) + B;

/** What scores are made of products, and which keys a query sees; each may be left out. */
export interface AttentionScores {
  /** Scores are scale · q kᵀ; 1/√HS when left out. */
  scale?: number | undefined;
  /** A query sees so many keys, its own the last (`sliding_window` of Hugging Face configs); 0: all before it. */
  window?: number | undefined;
  /** Scores s become softcap · tanh(s / softcap) (arXiv:2408.00118, section 2); 0: they do not. */
  softcap?: number | undefined;
}

/** More keys than any query has: none is out of the window. */
const ALL = 2 ** 31;

/** The params of every attention kernel that say how scores are made. */
export const scoreParams = (
  HS: number,
  { scale, window }: AttentionScores,
): Record<'window' | 'scale', number> => ({ window: window || ALL, scale: scale ?? 1 / Math.sqrt(HS) });

/** Override constants of every attention kernel that say how scores are made. */
export const scoreConstants = ({ softcap = 0 }: AttentionScores): Record<'CAP', number> => ({ CAP: softcap });

/** Columns of a head that one workgroup of the tiled kernels takes, and one thread of the others. */
const COLUMNS = { tiled: 128, direct: 16, subgroup: 16 } as const;

/**
 * Override constants of a design's kernels. Errors: a head size they do not take is a
 * bug and throws.
 */
export function attentionConstants(
  design: AttentionDesign,
  { NH, NKV, HS }: Heads,
  scores: AttentionScores = {},
): Record<string, number> {
  if (HS % 4 !== 0 || HS < 4 || HS > 256 || NH % NKV !== 0) {
    throw new Error(
      `attention takes heads of 4, 8, … 256 floats and NH a multiple of NKV, not ${NH}/${NKV}x${HS}`,
    );
  }
  const blocks = { BLOCKS: Math.ceil(Math.min(HS, COLUMNS.tiled) / 32) };
  return { ...scoreConstants(scores), ...(design === 'tiled' ? blocks : {}) };
}

/** Params and grid of a design's kernels; `across` is NH, and NKV for dkv. */
export function attentionLaunch(
  design: AttentionDesign,
  tiles: number,
  { NH, NKV, HS }: Heads,
  across: number,
  scores: AttentionScores = {},
): Launch<keyof typeof params> {
  return {
    params: { NH, NKV, HS, ...scoreParams(HS, scores) },
    grid: [tiles, across * Math.ceil(HS / COLUMNS[design])],
  };
}

function designFor<D>({ gpu: { facts } }: Plan<D>): AttentionDesign {
  if (!facts.isSoftware) return 'tiled';
  return facts.subgroupSize === undefined ? 'direct' : 'subgroup';
}

/** Records attention over packed sequences: qkv, tiles → out, lse. `tiles` counts the tiles of a step. */
export function addAttentionForward<D>(
  plan: Plan<D>,
  buffers: Record<'qkv' | 'tiles' | 'out' | 'lse', View>,
  heads: Heads,
  tiles: (dims: D) => number,
  scores: AttentionScores = {},
): void {
  const design = designFor(plan);
  const launch = (dims: D) => attentionLaunch(design, tiles(dims), heads, heads.NH, scores);
  plan.add(attentionKernels[design].forward, buffers, launch, attentionConstants(design, heads, scores));
}

/**
 * Records its backward pass: dout (and what forward kept) → dqkv, every element written. `delta` (N,NH) goes from the
 * queries' kernel to that of the keys. `scores` as in the forward.
 */
export function addAttentionBackward<D>(
  plan: Plan<D>,
  buffers: Record<'qkv' | 'tiles' | 'out' | 'lse' | 'dout' | 'delta' | 'dqkv', View>,
  heads: Heads,
  tiles: (dims: D) => number,
  scores: AttentionScores = {},
): void {
  const design = designFor(plan);
  const constants = attentionConstants(design, heads, scores);
  const kernels = attentionKernels[design];
  const launch = (across: number) => (d: D) => attentionLaunch(design, tiles(d), heads, across, scores);
  plan.add(kernels.dq, buffers, launch(heads.NH), constants);
  plan.add(kernels.dkv, buffers, launch(heads.NKV), constants);
}
