import type { PackedBatch } from './batch';

/** What the policy says of each completion token, one array a sequence. */
export interface Scores {
  logp: Float32Array[];
  entropy: Float32Array[];
  value: Float32Array[];
}

/** Cuts what a micro-batch was scored, (M) each, into its sequences. */
export function scoresOf({ rowStart }: PackedBatch, bytes: readonly ArrayBuffer[]): Scores {
  const cut = (column: number): Float32Array[] => {
    const all = new Float32Array(bytes[column] ?? new ArrayBuffer(0));
    return Array.from(rowStart.subarray(1), (end, b) => all.slice(rowStart[b], end));
  };
  return { logp: cut(0), entropy: cut(1), value: cut(2) };
}

/** The sequences of several micro-batches, in order. */
export function joinScores(parts: readonly Scores[]): Scores {
  return {
    logp: parts.flatMap(({ logp }) => logp),
    entropy: parts.flatMap(({ entropy }) => entropy),
    value: parts.flatMap(({ value }) => value),
  };
}
