import type { View } from '../gpu/arena';

/**
 * Rows `row0` … `row0 + rows − 1` of a matrix with a row a token (embedding, LM head), as one binding: a vocabulary larger
 * than a binding may be is several of these, in order, each but the last a multiple of `vocabularyStep` rows.
 */
export interface Shard<V extends View = View> extends ShardRows {
  readonly weight: V;
}

export interface ShardRows {
  readonly row0: number;
  readonly rows: number;
}

/** A vocabulary of `rows` tokens in one binding. */
export const whole = <V extends View>(weight: V, rows: number): Shard<V>[] => [{ weight, row0: 0, rows }];
