import { LabError } from '../errors';

/** A sequence for scoring or training: prompt and completion ids end to end. */
export interface Sequence {
  tokens: ArrayLike<number>;
  /** Tokens before this index are the prompt and carry no loss; at least 1. */
  promptLength: number;
}

/**
 * Sequences of unequal length laid end to end, without padding. A completion token at packed position i is predicted by
 * the hidden state at i − 1: `rows` are those positions, `targets` the tokens.
 */
export interface PackedBatch {
  /** (N) token ids. */
  tokens: Uint32Array;
  /** (N) position of each token in its own sequence. */
  positions: Uint32Array;
  /** (B+1) where each sequence starts; the last entry is N. */
  seqStart: Uint32Array;
  /** (M) packed positions whose hidden state predicts a completion token. */
  rows: Uint32Array;
  /** (M) the completion tokens. */
  targets: Uint32Array;
  /** (B+1) where each sequence's completion tokens start among the M. */
  rowStart: Uint32Array;
}

/**
 * Packs sequences. N = Σ length, M = Σ (length − promptLength). Errors: `bad_input` when one is longer than `longest`, the
 * tokens of the context.
 */
export function packSequences(sequences: readonly Sequence[], longest = Infinity): PackedBatch {
  const tooLong = sequences.find(({ tokens }) => tokens.length > longest);
  if (tooLong) {
    throw new LabError(
      'bad_input',
      `A sequence of ${tooLong.tokens.length} tokens does not fit the context of ${longest}. ` +
        'Leave that problem out or choose a model with a longer context.',
    );
  }
  const N = sequences.reduce((sum, s) => sum + s.tokens.length, 0);
  const M = sequences.reduce((sum, s) => sum + s.tokens.length - s.promptLength, 0);
  const batch: PackedBatch = {
    tokens: new Uint32Array(N),
    positions: new Uint32Array(N),
    seqStart: new Uint32Array(sequences.length + 1),
    rows: new Uint32Array(M),
    targets: new Uint32Array(M),
    rowStart: new Uint32Array(sequences.length + 1),
  };
  let n = 0;
  let m = 0;
  sequences.forEach(({ tokens, promptLength }, b) => {
    for (let t = 0; t < tokens.length; t++, n++) {
      batch.tokens[n] = tokens[t] ?? 0;
      batch.positions[n] = t;
      if (t < promptLength) continue;
      batch.rows[m] = n - 1;
      batch.targets[m] = tokens[t] ?? 0;
      m++;
    }
    batch.seqStart[b + 1] = n;
    batch.rowStart[b + 1] = m;
  });
  return batch;
}

/**
 * Splits sequences into micro-batches of at most `maxTokens` packed tokens and `maxSequences` sequences, keeping order.
 * Gradients accumulate over them, so the split changes memory, not results beyond rounding.
 */
export function microBatches<S extends Sequence>(
  sequences: readonly S[],
  maxTokens: number,
  maxSequences: number,
): { first: number; sequences: S[] }[] {
  const groups: { first: number; sequences: S[] }[] = [];
  let current: S[] = [];
  let tokens = 0;
  sequences.forEach((sequence, index) => {
    const length = sequence.tokens.length;
    if (current.length && (tokens + length > maxTokens || current.length === maxSequences)) {
      groups.push({ first: index - current.length, sequences: current });
      current = [];
      tokens = 0;
    }
    current.push(sequence);
    tokens += length;
  });
  if (current.length) groups.push({ first: sequences.length - current.length, sequences: current });
  return groups;
}
