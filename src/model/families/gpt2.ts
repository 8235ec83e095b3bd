import type { Family } from './family';

/** GPT-2 (Radford et al. 2019) and what was distilled from it. */
export const gpt2: Family = {
  architecture: 'GPT2LMHeadModel',
  model_type: 'gpt2',
  examples: 'gpt2, distilgpt2',
  tensors: {
    base: 'transformer.',
    embed: 'transformer.wte',
    positions: 'transformer.wpe',
    norm: 'transformer.ln_f',
    head: 'lm_head',
    layer: (index) => `transformer.h.${index}.`,
    attentionNorm: 'ln_1',
    qkv: { fused: 'attn.c_attn', by: 'projection' },
    output: 'attn.c_proj',
    mlpNorm: 'ln_2',
    mlp: ['mlp.c_fc'],
    down: 'mlp.c_proj',
    transposed: true,
  },
  config: (json) => {
    if (json.flag('scale_attn_by_inverse_layer_idx', false)) json.refuse('attention scaled by layer');
    if (!json.flag('scale_attn_weights', true)) json.refuse('attention that is not scaled');
    const hidden_size = json.number('n_embd');
    return {
      hidden_size,
      num_hidden_layers: json.number('n_layer'),
      num_attention_heads: json.number('n_head'),
      intermediate_size: json.number('n_inner', 4 * hidden_size),
      max_position_embeddings: json.number('n_positions', 1024),
      tie_word_embeddings: json.flag('tie_word_embeddings', true),
      norm: { kind: 'layernorm', eps: json.number('layer_norm_epsilon', 1e-5), offset: 0 },
      bias: { qkv: true, output: true, mlp: true },
      mlp: 'plain',
      activation: json.activation('activation_function', 'gelu_new'),
      learned_positions: { offset: 0 },
    };
  },
};
