import type { Family } from './family';
import { gemma3 } from './gemma3';
import { llama } from './llama';

/** Gemma 2 (arXiv:2408.00118): Gemma 3's blocks with soft caps in place of normed heads, every other layer local, one RoPE. */
export const gemma2: Family = {
  ...gemma3,
  architecture: 'Gemma2ForCausalLM',
  model_type: 'gemma2',
  examples: 'Gemma 2 2B',
  tensors: { ...gemma3.tensors, queryNorm: undefined, keyNorm: undefined },
  config: (json) => ({
    ...gemma3.config(json),
    max_position_embeddings: json.number('max_position_embeddings', 8192),
    qk_norm: false,
    ropes: llama.config(json).ropes,
    layers: json.windows((layer) => layer % 2 === 0).map((window) => ({ window, rope: 0 })),
    attention_softcap: json.number('attn_logit_softcapping', 50),
    final_softcap: json.number('final_logit_softcapping', 30),
  }),
};
