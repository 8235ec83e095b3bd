import type { Family } from './family';
import { llama } from './llama';

/** Every so many layers one sees everything, where config.json says nothing else. */
const PATTERN = 6;

/** Gemma 3 as text models (arXiv:2503.19786): most layers see a window alone, with their own RoPE; four norms a block. */
export const gemma3: Family = {
  architecture: 'Gemma3ForCausalLM',
  model_type: 'gemma3_text',
  examples: 'Gemma 3 270M',
  tensors: {
    ...llama.tensors,
    queryNorm: 'self_attn.q_norm',
    keyNorm: 'self_attn.k_norm',
    attentionPostNorm: 'post_attention_layernorm',
    mlpNorm: 'pre_feedforward_layernorm',
    mlpPostNorm: 'post_feedforward_layernorm',
  },
  config: (json) => {
    if (json.flag('use_bidirectional_attention', false)) json.refuse('attention in both directions');
    const hidden_size = json.number('hidden_size');
    const head_dim = json.number('head_dim', 256);
    const nested = json.record('rope_parameters');
    const global = nested?.record('full_attention') ?? json.record('rope_scaling');
    const local = nested?.record('sliding_attention');
    const pattern = ['sliding_window_pattern', '_sliding_window_pattern'].find((name) => json.has(name));
    const every = pattern ? json.number(pattern) : PATTERN;
    return {
      ...llama.config(json),
      head_dim,
      max_position_embeddings: json.number('max_position_embeddings', 131_072),
      tie_word_embeddings: json.flag('tie_word_embeddings', true),
      norm: { kind: 'rmsnorm', eps: json.number('rms_norm_eps', 1e-6), offset: 1 },
      post_norms: true,
      qk_norm: true,
      activation: json.activation('hidden_activation', 'gelu_pytorch_tanh'),
      ropes: [
        json.ropeFrom(global, head_dim, { theta: 1_000_000 }),
        json.ropeFrom(local, head_dim, { name: 'rope_local_base_freq' }),
      ],
      layers: json
        .windows((layer) => (layer + 1) % every !== 0)
        .map((window) => ({ window, rope: window ? 1 : 0 })),
      attention_scale: json.number('query_pre_attn_scalar', 256) ** -0.5,
      attention_softcap: json.optional('attn_logit_softcapping'),
      final_softcap: json.optional('final_logit_softcapping'),
      embed_scale: Math.sqrt(hidden_size),
    };
  },
};
