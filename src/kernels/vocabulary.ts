import type { View } from '../gpu/arena';
import type { Storage } from './quantize';

/** How a frozen vocabulary lies on the GPU. */
export type VocabularyStorage = Exclude<Storage, 'q4'>;

/**
 * How the vocabulary of a model is stored whose projections are stored as `weights`: where they have 4 bits, in 8, because
 * 4 would add a fifth to two fifths to the error (docs/kernels.md).
 */
export const vocabularyStorage = (weights: Storage): VocabularyStorage => (weights === 'q4' ? 'q8' : weights);

/**
 * Rows `row0` … `row0 + rows − 1` of a matrix with a row a token (embedding, LM head), as one binding: a vocabulary larger
 * than a binding may be is several of these, in order, each but the last a multiple of `vocabularyStep` rows.
 */
export interface Shard<V extends View = View> extends ShardRows {
  readonly weight: V;
  /** How frozen rows lie on the GPU; f32 when left out. */
  readonly storage?: VocabularyStorage;
}

export interface ShardRows {
  readonly row0: number;
  readonly rows: number;
}

/** A vocabulary of `rows` tokens in one binding. */
export const whole = <V extends View>(weight: V, rows: number): Shard<V>[] => [{ weight, row0: 0, rows }];
