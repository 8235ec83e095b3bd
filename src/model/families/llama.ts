/**
 * The Llama family as data: Hugging Face's tensor names. The transformer never asks which family it runs; another family
 * is another file like this one.
 */
export const llama = {
  architecture: 'LlamaForCausalLM',
  embed: 'model.embed_tokens.weight',
  norm: 'model.norm.weight',
  head: 'lm_head.weight',
  layer: (index: number) => `model.layers.${index}.`,
  attentionNorm: 'input_layernorm.weight',
  query: 'self_attn.q_proj.weight',
  key: 'self_attn.k_proj.weight',
  value: 'self_attn.v_proj.weight',
  output: 'self_attn.o_proj.weight',
  mlpNorm: 'post_attention_layernorm.weight',
  gate: 'mlp.gate_proj.weight',
  up: 'mlp.up_proj.weight',
  down: 'mlp.down_proj.weight',
} as const;
