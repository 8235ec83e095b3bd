import type { Family } from './family';

/** GPT-NeoX (arXiv:2204.06745): attention and MLP side by side, a part of each head turned. */
export const gptNeox: Family = {
  architecture: 'GPTNeoXForCausalLM',
  model_type: 'gpt_neox',
  examples: 'Pythia 14M to 410M',
  tensors: {
    base: 'gpt_neox.',
    embed: 'gpt_neox.embed_in',
    norm: 'gpt_neox.final_layer_norm',
    head: 'embed_out',
    layer: (index) => `gpt_neox.layers.${index}.`,
    attentionNorm: 'input_layernorm',
    qkv: { fused: 'attention.query_key_value', by: 'head' },
    output: 'attention.dense',
    mlpNorm: 'post_attention_layernorm',
    mlp: ['mlp.dense_h_to_4h'],
    down: 'mlp.dense_4h_to_h',
  },
  config: (json) => {
    const hidden_size = json.number('hidden_size');
    const num_attention_heads = json.number('num_attention_heads');
    const bias = json.flag('attention_bias', true);
    const head_dim = hidden_size / num_attention_heads;
    return {
      hidden_size,
      num_hidden_layers: json.number('num_hidden_layers'),
      num_attention_heads,
      intermediate_size: json.number('intermediate_size'),
      max_position_embeddings: json.number('max_position_embeddings', 2048),
      tie_word_embeddings: json.flag('tie_word_embeddings', false),
      norm: { kind: 'layernorm', eps: json.number('layer_norm_eps', 1e-5), offset: 0 },
      block: json.flag('use_parallel_residual', true) ? 'parallel' : 'sequential',
      bias: { qkv: bias, output: bias, mlp: true },
      mlp: 'plain',
      activation: json.activation('hidden_act', 'gelu'),
      ropes: [json.rope(head_dim, { name: 'rotary_emb_base', fraction: json.number('rotary_pct', 0.25) })],
    };
  },
};
