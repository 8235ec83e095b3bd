import type { Family } from './family';
import { llama } from './llama';
import { qwen2 } from './qwen2';

/** Qwen 3 (arXiv:2505.09388): queries and keys are normed head by head instead of having biases. */
export const qwen3: Family = {
  architecture: 'Qwen3ForCausalLM',
  model_type: 'qwen3',
  examples: 'Qwen3-0.6B',
  tensors: { ...llama.tensors, queryNorm: 'self_attn.q_norm', keyNorm: 'self_attn.k_norm' },
  config: (json) => ({
    ...qwen2.config(json),
    bias: llama.config(json).bias,
    qk_norm: true,
  }),
};
