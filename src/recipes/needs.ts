import type { Gpu } from '../gpu/device';
import type { ModelConfig } from '../model/config';
import { fit } from './fit';

/** What one use of a model takes on a GPU. */
export interface MemoryNeed {
  label: string;
  bytes: number;
  /** False: more than this GPU can bind. Whether it has the memory, WebGPU does not say. */
  fits: boolean;
}

/** Sequences this long, one at a time: what the figures are for. */
export const NEEDS_CONTEXT = 512;

/** What asking a model and training it take on this GPU, from its config.json alone: before anything is downloaded. */
export function memoryNeeds(gpu: Gpu, config: ModelConfig): MemoryNeed[] {
  const context = Math.min(NEEDS_CONTEXT, config.max_position_embeddings);
  const uses = [
    { label: 'to ask it', options: { trainable: false, reference: false } },
    { label: 'to train all of it', options: { trainable: true, reference: false, checkpointing: true } },
  ];
  return uses.map(({ label, options }) => {
    const found = fit(gpu, { config, context, batch: 1, sequences: 1, options }, Infinity);
    return { label, bytes: found?.totalBytes ?? 0, fits: found !== undefined };
  });
}
