import backwardWgsl from '../../shaders/embedding_backward.wgsl?raw';
import forwardWgsl from '../../shaders/embedding_forward.wgsl?raw';
import storedWgsl from '../../shaders/embedding_forward_stored.wgsl?raw';
import positionWgsl from '../../shaders/position_forward.wgsl?raw';
import { defineKernel, grid1d } from '../gpu/kernel';
import type { View } from '../gpu/arena';
import type { Launch, Plan } from '../gpu/plan';
import type { Shard, ShardRows, VocabularyStorage } from './vocabulary';

/** out (N,C) = scale · rows of a shard of weight (V,C), where the token has its row there. */
export const embeddingForward = defineKernel({
  name: 'embedding_forward',
  wgsl: forwardWgsl,
  buffers: { tokens: 'read', weight: 'read', out: 'read_write' },
  params: { N: 'u32', C: 'u32', scale: 'f32', row0: 'u32', rows: 'u32' },
});

/** The same where the rows are not f32; BITS is one of `STORED_BITS`. */
export const embeddingForwardStored = defineKernel({
  name: 'embedding_forward_stored',
  wgsl: storedWgsl,
  buffers: embeddingForward.buffers,
  params: embeddingForward.params,
});

/** Bits of a stored value, without its share of a scale. */
export const STORED_BITS = { f16: 16, q8: 8 } as const satisfies Partial<Record<VocabularyStorage, number>>;

/** out (N,C) += rows of weight (first + T,C), learned positions; its gradient is `embeddingBackward` of them, by `bucketTokens`. */
export const positionForward = defineKernel({
  name: 'position_forward',
  wgsl: positionWgsl,
  buffers: { positions: 'read', weight: 'read', out: 'read_write' },
  params: { N: 'u32', C: 'u32', first: 'u32' },
});

/** A shard of dweight (V,C) += gradient, token by token. */
export const embeddingBackward = defineKernel({
  name: 'embedding_backward',
  wgsl: backwardWgsl,
  buffers: { dout: 'read', buckets: 'read', dweight: 'read_write' },
  params: { U: 'u32', C: 'u32', scale: 'f32', row0: 'u32', rows: 'u32' },
});

const ELEMENTS_A_WORKGROUP = 64 * 4;

/** A matrix in one piece, whatever its rows. */
const EVERY_ROW: ShardRows = { row0: 0, rows: 0xffffffff };

/** `scale`: what embeddings are multiplied by (Gemma: √C). Of the tokens whose rows are in a shard. */
export function embeddingForwardLaunch(
  { N, C, scale = 1 }: { N: number; C: number; scale?: number },
  { row0, rows }: ShardRows = EVERY_ROW,
): Launch<keyof typeof embeddingForward.params> {
  return {
    params: { N, C, scale, row0, rows },
    grid: grid1d(Math.ceil((N * C) / ELEMENTS_A_WORKGROUP)),
  };
}

/** Records out (N,C) = scale · embed[tokens], a dispatch a shard of embed. */
export function addEmbeddingForward<D>(
  plan: Plan<D>,
  { tokens, out }: Readonly<Record<'tokens' | 'out', View>>,
  embed: readonly Shard[],
  dims: (step: D) => { N: number; C: number; scale: number },
): void {
  for (const shard of embed) {
    const { weight, storage = 'f32' } = shard;
    const launch = (step: D) => embeddingForwardLaunch(dims(step), shard);
    if (storage === 'f32') plan.add(embeddingForward, { tokens, weight, out }, launch);
    else plan.add(embeddingForwardStored, { tokens, weight, out }, launch, { BITS: STORED_BITS[storage] });
  }
}

/** `first`: the row of position 0 (OPT: 2). */
export function positionForwardLaunch({
  N,
  C,
  first = 0,
}: {
  N: number;
  C: number;
  first?: number;
}): Launch<'N' | 'C' | 'first'> {
  return { params: { N, C, first }, grid: grid1d(Math.ceil((N * C) / ELEMENTS_A_WORKGROUP)) };
}

/** U distinct tokens, C columns; `scale` and shard as in the forward. */
export function embeddingBackwardLaunch(
  { U, C, scale = 1 }: { U: number; C: number; scale?: number },
  { row0, rows }: ShardRows = EVERY_ROW,
): Launch<keyof typeof embeddingBackward.params> {
  return {
    params: { U, C, scale, row0, rows },
    grid: grid1d(Math.ceil((U * C) / ELEMENTS_A_WORKGROUP)),
  };
}

/**
 * Sorts positions by token, for `embeddingBackward`: `data` holds starts (U+1), the distinct tokens (U), then the N positions,
 * ascending within a token.
 */
export function bucketTokens(tokens: Uint32Array): { U: number; data: Uint32Array } {
  const order = Uint32Array.from(tokens, (_, n) => n).sort(
    (a, b) => (tokens[a] ?? 0) - (tokens[b] ?? 0) || a - b,
  );
  const starts: number[] = [];
  const distinct: number[] = [];
  order.forEach((n, i) => {
    const token = tokens[n] ?? 0;
    if (distinct.at(-1) === token) return;
    distinct.push(token);
    starts.push(i);
  });
  starts.push(order.length);
  return { U: distinct.length, data: Uint32Array.from([...starts, ...distinct, ...order]) };
}
