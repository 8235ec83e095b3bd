import type { Sequence } from './batch';
import type { Completion, GenerationEvents, Prompt, Sampling } from './generate';

/** A model that answers and is not trained: the lab's own policy, or an ONNX graph of someone else's. */
export interface AskedModel {
  generate(prompts: readonly Prompt[], sampling: Sampling, events?: GenerationEvents): Promise<Completion[]>;
  /** Natural-log probability of every completion token, one array a sequence. */
  score(sequences: readonly Sequence[]): Promise<{ logp: Float32Array[] }>;
  destroy(): void;
}
