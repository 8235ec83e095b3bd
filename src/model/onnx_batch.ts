import { LabError } from '../errors';
import { mib } from '../gpu/arena';
import type { Sequence } from './batch';

/**
 * T is a multiple of this: onnxruntime then uses its vec4 kernels, and compiles one set of them, not one for every
 * remainder of T.
 */
const T_STEP = 4;

/** The T of a batch whose longest sequence has `length` tokens. */
export const paddedLength = (length: number): number => Math.ceil(length / T_STEP) * T_STEP;

/** Sequences side by side, right padded to `paddedLength` of the longest, as an ONNX model takes them. */
export interface PaddedBatch {
  B: number;
  T: number;
  /** (B,T) token ids, 0 where padded. */
  input_ids: BigInt64Array<ArrayBuffer>;
  /** (B,T) 0 … T−1 in every row. */
  position_ids: BigInt64Array<ArrayBuffer>;
  /** (M) positions of the flattened (B·T) batch whose hidden state predicts a completion token. */
  rows: BigInt64Array<ArrayBuffer>;
  /** (M) the completion tokens. */
  targets: Uint32Array;
}

/** Pads sequences to one length. M = Σ (length − promptLength). */
export function padSequences(sequences: readonly Sequence[]): PaddedBatch {
  const B = sequences.length;
  const T = paddedLength(Math.max(0, ...sequences.map(({ tokens }) => tokens.length)));
  const M = sequences.reduce((sum, { tokens, promptLength }) => sum + tokens.length - promptLength, 0);
  const batch: PaddedBatch = {
    B,
    T,
    input_ids: new BigInt64Array(B * T),
    position_ids: BigInt64Array.from({ length: B * T }, (_, i) => BigInt(i % T)),
    rows: new BigInt64Array(M),
    targets: new Uint32Array(M),
  };
  let m = 0;
  sequences.forEach(({ tokens, promptLength }, b) => {
    for (let t = 0; t < tokens.length; t++) {
      batch.input_ids[b * T + t] = BigInt(tokens[t] ?? 0);
      if (t < promptLength) continue;
      batch.rows[m] = BigInt(b * T + t - 1);
      batch.targets[m++] = tokens[t] ?? 0;
    }
  });
  return batch;
}

export interface PaddedLimits {
  /** Most positions (B·T) of a batch, padding included; a single sequence may pass it. */
  tokens: number;
  sequences: number;
  /** Most bytes of one tensor on this GPU, which the attention scores (B,NH,T,T) must fit. */
  tensorBytes: number;
  heads: number;
}

/**
 * Which sequences run together, as indices: alike in length, so that little is padded; those without a completion are
 * left out. Errors: `out_of_memory` when the attention scores of one sequence alone pass `tensorBytes`.
 */
export function paddedGroups(sequences: readonly Sequence[], limits: PaddedLimits): number[][] {
  const length = (index: number): number => sequences[index]?.tokens.length ?? 0;
  const order = sequences
    .map((_, index) => index)
    .filter((index) => length(index) > (sequences[index]?.promptLength ?? 0))
    .sort((a, b) => length(b) - length(a));
  const groups: number[][] = [];
  let room = 0;
  for (const index of order) {
    if (room === 0) {
      room = sequencesOf(length(index), limits);
      groups.push([]);
    }
    groups[groups.length - 1]?.push(index);
    room -= 1;
  }
  return groups;
}

/** How many sequences of at most `length` tokens fit one batch. */
function sequencesOf(length: number, { tokens, sequences, tensorBytes, heads }: PaddedLimits): number {
  const T = paddedLength(length);
  const scores = 4 * heads * T * T;
  if (scores > tensorBytes) {
    throw new LabError(
      'out_of_memory',
      `The ONNX reference needs ${mib(scores)} in one piece for the attention scores of a sequence of ${length} tokens, and ` +
        `this GPU binds at most ${mib(tensorBytes)}. Set reference to frozen, or use a smaller max_new_tokens.`,
    );
  }
  return Math.max(1, Math.min(sequences, Math.floor(tokens / T), Math.floor(tensorBytes / scores)));
}
