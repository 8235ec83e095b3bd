import { LabError } from '../errors';
import { bindable, mib } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { vocabularyStep } from '../kernels/lm_head_parts';
import { rowWords } from '../kernels/quantize';
import type { ShardRows, VocabularyStorage } from '../kernels/vocabulary';
import type { ModelConfig } from './config';

/** How parameters are cut so that the GPU can bind them. */
export interface Cuts {
  /** Most bytes of one buffer. */
  readonly pieceBytes: number;
  /** Embedding and LM head are cut at multiples of so many rows. */
  readonly vocabularyStep: number;
}

/** Nothing is cut. */
export const UNCUT: Cuts = { pieceBytes: Infinity, vocabularyStep: Infinity };

export const cutsOf = (gpu: Gpu, { vocab_size }: ModelConfig): Cuts => ({
  pieceBytes: bindable(gpu),
  vocabularyStep: vocabularyStep(gpu.facts, vocab_size),
});

/**
 * The rows of a (V,C) matrix, in as few shards as can be bound; one where it can be bound whole. Errors:
 * `out_of_memory` where a binding has no room for the least that may be cut off.
 */
export function shardRows(
  { pieceBytes, vocabularyStep: step }: Cuts,
  V: number,
  C: number,
  storage: VocabularyStorage = 'f32',
): ShardRows[] {
  const rowBytes = 4 * rowWords(storage, C);
  if (V * rowBytes <= pieceBytes) return [{ row0: 0, rows: V }];
  const most = Math.floor(pieceBytes / rowBytes / step) * step;
  if (most === 0) {
    throw new LabError(
      'out_of_memory',
      `The vocabulary needs ${mib(step * rowBytes)} in one piece and this GPU binds at most ${mib(pieceBytes)}. Use a smaller model.`,
    );
  }
  return Array.from({ length: Math.ceil(V / most) }, (_, i) => ({
    row0: i * most,
    rows: Math.min(most, V - i * most),
  }));
}
