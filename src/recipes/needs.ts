import type { Gpu } from '../gpu/device';
import type { BufferOptions } from '../model/buffers';
import type { ModelConfig } from '../model/config';
import { everyModule } from './adapter';
import { fit, type Demand } from './fit';

/** What one use of a model takes on a GPU. */
export interface MemoryNeed {
  label: string;
  bytes: number;
  /** False: more than this GPU can bind. Whether it has the memory, WebGPU does not say. */
  fits: boolean;
}

/** Sequences this long, one at a time: what the figures are for. */
const CONTEXT = 512;
const LORA_RANK = 8;

/** What a use of a model asks of the GPU, by its label. */
export function demandsOf(config: ModelConfig): [label: string, demand: Demand][] {
  const context = Math.min(CONTEXT, config.max_position_embeddings);
  const training: BufferOptions = { trainable: true, reference: false, checkpointing: true };
  const uses: [string, BufferOptions][] = [
    ['to ask it', { trainable: false, reference: false }],
    [`to train a LoRA of rank ${LORA_RANK}`, { ...training, lora: everyModule(config, LORA_RANK) }],
    ['to train all of it', training],
  ];
  return uses.map(([label, options]) => [label, { config, context, batch: 1, sequences: 1, options }]);
}

/** What asking a model and training it take on this GPU, from its config.json alone: before anything is downloaded. */
export function memoryNeeds(gpu: Gpu, config: ModelConfig): MemoryNeed[] {
  return demandsOf(config).map(([label, demand]) => {
    const found = fit(gpu, demand, Infinity);
    return { label, bytes: found?.totalBytes ?? 0, fits: found !== undefined };
  });
}
