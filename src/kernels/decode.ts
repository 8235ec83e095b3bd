import attention from '../../shaders/decode_attention.wgsl?raw';
import attentionMerge from '../../shaders/decode_attention_merge.wgsl?raw';
import attentionDirect from '../../shaders/decode_attention_direct.wgsl?raw';
import copy from '../../shaders/kv_copy.wgsl?raw';
import move from '../../shaders/move_rows.wgsl?raw';
import append from '../../shaders/rope_append.wgsl?raw';
import type { View } from '../gpu/arena';
import { defineKernel, grid1d } from '../gpu/kernel';
import type { Launch, Plan } from '../gpu/plan';
import { scoreConstants, scoreParams, type AttentionScores } from './attention';
import { qkvWidth, rotaryOf, type Heads } from './rope';

/** A row with this slot holds no sequence. */
export const NO_SLOT = 0xffffffff;

export const ropeAppend = defineKernel({
  name: 'rope_append',
  wgsl: append,
  buffers: {
    qkv: 'read_write',
    positions: 'read',
    slots: 'read',
    table: 'read',
    k_cache: 'read_write',
    v_cache: 'read_write',
  },
  params: { N: 'u32', NH: 'u32', NKV: 'u32', HS: 'u32', R: 'u32', Tmax: 'u32' },
});

export const kvCopy = defineKernel({
  name: 'kv_copy',
  wgsl: copy,
  buffers: { copies: 'read', k_cache: 'read_write', v_cache: 'read_write' },
  params: { width: 'u32', Tmax: 'u32' },
});

export const moveRows = defineKernel({
  name: 'move_rows',
  wgsl: move,
  buffers: {
    moves: 'read',
    tokens: 'read_write',
    positions: 'read_write',
    slots: 'read_write',
    state: 'read_write',
    history: 'read_write',
  },
  params: { Hmax: 'u32' },
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
  params: {
    B: 'u32',
    NH: 'u32',
    NKV: 'u32',
    HS: 'u32',
    QKV: 'u32',
    Tmax: 'u32',
    splits: 'u32',
    chunk: 'u32',
    window: 'u32',
    scale: 'f32',
  },
} as const;

/** The same results by two designs: see attentionKernels. */
export const decodeAttentionKernels = {
  tiled: defineKernel({ name: 'decode_attention', wgsl: attention, ...decodeBinding }),
  direct: defineKernel({ name: 'decode_attention_direct', wgsl: attentionDirect, ...decodeBinding }),
} as const;

export type DecodeDesign = keyof typeof decodeAttentionKernels;

/** The splits of either design become its result. */
export const decodeAttentionMerge = defineKernel({
  name: 'decode_attention_merge',
  wgsl: attentionMerge,
  buffers: { partials: 'read', slots: 'read', positions: 'read', out: 'read_write' },
  params: { B: 'u32', NH: 'u32', HS: 'u32', splits: 'u32', chunk: 'u32', window: 'u32' },
});

/**
 * Params and grid of `rope_append` on N tokens; Tmax is how many tokens a slot of the caches holds. The first `rotary`
 * floats of a head turn: 0 for models without rotary positions, whose keys and values are appended as they are.
 */
export function ropeAppendLaunch(
  N: number,
  heads: Heads,
  Tmax: number,
  rotary?: number,
): Launch<keyof typeof ropeAppend.params> {
  const { NH, NKV, HS } = heads;
  return {
    params: { N, NH, NKV, HS, R: rotaryOf(heads, rotary), Tmax },
    grid: grid1d(Math.ceil((N * qkvWidth(heads)) / 4 / 64)),
  };
}

/** Params and grid of `kv_copy` on P copies of up to `longest` tokens. */
export function kvCopyLaunch(
  P: number,
  longest: number,
  { NKV, HS }: Heads,
  Tmax: number,
): Launch<keyof typeof kvCopy.params> {
  const width = (NKV * HS) / 4;
  return { params: { width, Tmax }, grid: [Math.min(64, Math.ceil((longest * width) / 64)), P] };
}

/** Params and grid of `move_rows` on P moves of rows whose history holds Hmax tokens. */
export function moveRowsLaunch(P: number, Hmax: number): Launch<keyof typeof moveRows.params> {
  return { params: { Hmax }, grid: [P] };
}

/** Longer caches are attended in chunks of so many keys, side by side. */
const LONG = 512;
const CHUNK = 256;

/**
 * How the keys of caches of Tmax tokens are divided. It depends on nothing else: neither rows nor batch change the order of
 * a sum.
 */
export const decodeSplits = (Tmax: number): { splits: number; chunk: number } =>
  Tmax > LONG ? { splits: Math.ceil(Tmax / CHUNK), chunk: CHUNK } : { splits: 1, chunk: Tmax };

/** Shape of `partials` for B rows: what is kept of each chunk of keys. Without splits there is nothing to keep. */
export function decodePartialsShape(B: number, { NH, HS }: Heads, Tmax: number): number[] {
  const { splits } = decodeSplits(Tmax);
  return splits > 1 ? [B, NH, splits, HS + 4] : [0];
}

/** Params and grid of a design's `decode_attention` on B sequences. */
export function decodeAttentionLaunch(
  design: DecodeDesign,
  B: number,
  heads: Heads,
  Tmax: number,
  scores: AttentionScores = {},
): Launch<keyof typeof decodeBinding.params> {
  const { NH, NKV, HS } = heads;
  const { splits, chunk } = decodeSplits(Tmax);
  const threads = NKV * Math.ceil(NH / NKV / queriesFor(heads)) * Math.ceil(HS / 4 / columnsFor(heads));
  return {
    params: { B, NH, NKV, HS, QKV: qkvWidth(heads), Tmax, splits, chunk, ...scoreParams(HS, scores) },
    grid: design === 'tiled' ? [NH, B, splits] : grid1d(Math.ceil((B * splits * threads) / 8)),
  };
}

/** Params and grid of `decode_attention_merge` on B sequences. */
export function decodeMergeLaunch(
  B: number,
  { NH, HS }: Heads,
  Tmax: number,
  scores: AttentionScores = {},
): Launch<keyof typeof decodeAttentionMerge.params> {
  const { window } = scoreParams(HS, scores);
  return {
    params: { B, NH, HS, ...decodeSplits(Tmax), window },
    grid: grid1d(Math.ceil((B * NH * HS) / 4 / 64)),
  };
}

/** Override constants of a design's `decode_attention`: how many queries share the keys and values they load, and
 * how many vec4 columns the scores that a thread makes. */
export function decodeAttentionConstants(
  design: DecodeDesign,
  heads: Heads,
  scores: AttentionScores = {},
): Record<string, number> {
  const constants = scoreConstants(scores);
  if (design === 'tiled') return constants;
  return { ...constants, QUERIES: queriesFor(heads), COLUMNS: columnsFor(heads) };
}

const queriesFor = ({ NH, NKV }: Heads): number => (NH > NKV ? 2 : 1);
const columnsFor = ({ HS }: Heads): number => (HS > 16 ? 8 : 4);

/**
 * Records `rope_append`: the queries and keys of `tokens` rows of qkv are rotated in place, and their keys and values go to
 * their slots of the caches (S,Tmax,NKV*HS). The table is `ropeTable`'s of the same `rotary`; left out, whole heads turn.
 */
export function addRopeAppend<D>(
  plan: Plan<D>,
  buffers: Record<'qkv' | 'positions' | 'slots' | 'table' | 'k_cache' | 'v_cache', View>,
  heads: Heads,
  Tmax: number,
  tokens: (dims: D) => number,
  rotary?: number,
): void {
  plan.add(ropeAppend, buffers, (dims) => ropeAppendLaunch(tokens(dims), heads, Tmax, rotary));
}

/**
 * Records `decode_attention`: one query a row of qkv over its slot of the caches, after `rope_append` of the same rows.
 * Long caches (see `decodeSplits`) take a second dispatch, and `partials` of `decodePartialsShape`.
 */
export function addDecodeAttention<D>(
  plan: Plan<D>,
  buffers: Record<'qkv' | 'slots' | 'positions' | 'k_cache' | 'v_cache' | 'partials' | 'out', View>,
  heads: Heads,
  Tmax: number,
  rows: (dims: D) => number,
  scores: AttentionScores = {},
  design: DecodeDesign = plan.gpu.facts.isSoftware ? 'direct' : 'tiled',
): void {
  const isSplit = decodeSplits(Tmax).splits > 1;
  plan.add(
    decodeAttentionKernels[design],
    isSplit ? { ...buffers, out: buffers.partials } : buffers,
    (dims) => decodeAttentionLaunch(design, rows(dims), heads, Tmax, scores),
    decodeAttentionConstants(design, heads, scores),
  );
  if (isSplit)
    plan.add(decodeAttentionMerge, buffers, (dims) => decodeMergeLaunch(rows(dims), heads, Tmax, scores));
}
