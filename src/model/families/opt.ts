import type { Family } from './family';

/** OPT (arXiv:2205.01068) and Galactica (arXiv:2211.09085). */
export const opt: Family = {
  architecture: 'OPTForCausalLM',
  model_type: 'opt',
  examples: 'opt-125m, galactica-125m',
  tensors: {
    base: 'model.',
    embed: 'model.decoder.embed_tokens',
    positions: 'model.decoder.embed_positions',
    norm: 'model.decoder.final_layer_norm',
    head: 'lm_head',
    layer: (index) => `model.decoder.layers.${index}.`,
    attentionNorm: 'self_attn_layer_norm',
    qkv: ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'],
    output: 'self_attn.out_proj',
    mlpNorm: 'final_layer_norm',
    mlp: ['fc1'],
    down: 'fc2',
  },
  config: (json) => {
    const hidden_size = json.number('hidden_size');
    const width = json.number('word_embed_proj_dim', hidden_size);
    if (width !== hidden_size) json.refuse(`embeddings of ${width} beside a stream of ${hidden_size}`);
    if (!json.flag('do_layer_norm_before', true)) json.refuse('norms behind the blocks');
    if (json.flag('_remove_final_layer_norm', false)) json.refuse('a model without its last norm');
    if (!json.flag('layer_norm_elementwise_affine', true)) json.refuse('norms without weights');
    const bias = json.flag('enable_bias', true);
    return {
      hidden_size,
      num_hidden_layers: json.number('num_hidden_layers'),
      num_attention_heads: json.number('num_attention_heads'),
      intermediate_size: json.number('ffn_dim'),
      max_position_embeddings: json.number('max_position_embeddings', 2048),
      tie_word_embeddings: json.flag('tie_word_embeddings', true),
      norm: { kind: 'layernorm', eps: 1e-5, offset: 0 },
      bias: { qkv: bias, output: bias, mlp: bias },
      mlp: 'plain',
      activation: json.activation('activation_function', 'relu'),
      // Its table starts with two rows that no position of an unpadded text has.
      learned_positions: { offset: 2 },
    };
  },
};
