import { LabError } from '../errors';

/** A sequence for scoring or training: prompt and completion ids end to end. */
export interface Sequence {
  tokens: ArrayLike<number>;
  /** Tokens before this index are the prompt and carry no loss; at least 1. */
  promptLength: number;
}

/** Tokens of unequal sequences laid end to end, without padding. */
export interface PackedTokens {
  /** (N) token ids. */
  tokens: Uint32Array;
  /** (N) position of each token in its own sequence. */
  positions: Uint32Array;
  /** (B+1) where each sequence starts; the last entry is N. */
  seqStart: Uint32Array;
}

/** Packed inputs and what they predict: the completion token after packed position i has its logits from the hidden state at i. */
export interface PackedBatch extends PackedTokens {
  /** (M) packed positions whose hidden state predicts a completion token. */
  rows: Uint32Array;
  /** (M) the completion tokens. */
  targets: Uint32Array;
  /** (B+1) where each sequence's completion tokens start among the M. */
  rowStart: Uint32Array;
}

/** Packs every token of `sequences`: N = Σ length. */
export function packTokens(sequences: readonly ArrayLike<number>[]): PackedTokens {
  const seqStart = new Uint32Array(sequences.length + 1);
  sequences.forEach(({ length }, b) => (seqStart[b + 1] = (seqStart[b] ?? 0) + length));
  const N = seqStart[sequences.length] ?? 0;
  const packed = { tokens: new Uint32Array(N), positions: new Uint32Array(N), seqStart };
  sequences.forEach((tokens, b) => {
    const start = seqStart[b] ?? 0;
    packed.tokens.set(tokens, start);
    for (let t = 0; t < tokens.length; t++) packed.positions[start + t] = t;
  });
  return packed;
}

/**
 * Packs sequences whose completions are scored or trained. A last token is only a target: nothing is predicted from it, so
 * it is no input. N = Σ (length − 1), M = Σ (length − promptLength). Errors: `bad_input` when one is longer than `longest`,
 * the tokens of the context.
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
  const packed = packTokens(sequences.map(({ tokens }) => Array.from(tokens).slice(0, -1)));
  const M = sequences.reduce((sum, s) => sum + s.tokens.length - s.promptLength, 0);
  const rows = new Uint32Array(M);
  const targets = new Uint32Array(M);
  const rowStart = new Uint32Array(sequences.length + 1);
  let m = 0;
  sequences.forEach(({ tokens, promptLength }, b) => {
    const start = packed.seqStart[b] ?? 0;
    for (let t = promptLength; t < tokens.length; t++, m++) {
      rows[m] = start + t - 1;
      targets[m] = tokens[t] ?? 0;
    }
    rowStart[b + 1] = m;
  });
  return { ...packed, rows, targets, rowStart };
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
