import type { Family } from './family';

/** Llama 1 to 3.2 (arXiv:2302.13971), and what was built like it: SmolLM2, TinyLlama. */
export const llama: Family = {
  architecture: 'LlamaForCausalLM',
  model_type: 'llama',
  examples: 'SmolLM2, TinyLlama, Llama 3.2',
  tensors: {
    base: 'model.',
    embed: 'model.embed_tokens',
    norm: 'model.norm',
    head: 'lm_head',
    layer: (index) => `model.layers.${index}.`,
    attentionNorm: 'input_layernorm',
    qkv: ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'],
    output: 'self_attn.o_proj',
    mlpNorm: 'post_attention_layernorm',
    mlp: ['mlp.gate_proj', 'mlp.up_proj'],
    down: 'mlp.down_proj',
  },
  config: (json) => {
    const hidden_size = json.number('hidden_size');
    const num_attention_heads = json.number('num_attention_heads');
    const head_dim = json.number('head_dim', hidden_size / num_attention_heads);
    const bias = json.flag('attention_bias', false);
    return {
      hidden_size,
      num_hidden_layers: json.number('num_hidden_layers'),
      num_attention_heads,
      num_key_value_heads: json.number('num_key_value_heads', num_attention_heads),
      head_dim,
      intermediate_size: json.number('intermediate_size'),
      max_position_embeddings: json.number('max_position_embeddings', 2048),
      tie_word_embeddings: json.flag('tie_word_embeddings', false),
      norm: { kind: 'rmsnorm', eps: json.number('rms_norm_eps', 1e-6), offset: 0 },
      bias: { qkv: bias, output: bias, mlp: json.flag('mlp_bias', false) },
      activation: json.activation('hidden_act', 'silu'),
      ropes: [json.rope(head_dim)],
    };
  },
};
