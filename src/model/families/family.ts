import type { Activation } from '../../kernels/activation';
import type { RopeScaling } from '../../kernels/rope';
import type { ConfigFields } from './fields';

export interface RopeConfig {
  theta: number;
  /** The first so many floats of each head turn; the rest stay as they are. */
  rotary_dim: number;
  scaling?: RopeScaling | undefined;
}

/**
 * A decoder as data, in Hugging Face's names where they have one. Letters of docs/kernels.md: C hidden_size, L
 * num_hidden_layers, NH num_attention_heads, NKV num_key_value_heads, HS head_dim, F intermediate_size, V vocab_size.
 */
export interface ModelConfig {
  architecture: string;
  hidden_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  num_key_value_heads: number;
  head_dim: number;
  intermediate_size: number;
  vocab_size: number;
  max_position_embeddings: number;
  tie_word_embeddings: boolean;
  eos_token_id: number[];
  /** `offset` is added to stored weights: Gemma keeps w − 1. */
  norm: { kind: 'rmsnorm' | 'layernorm'; eps: number; offset: 0 | 1 };
  /** Whether the MLP reads what attention made of the stream, or both read the stream as it was. */
  block: 'sequential' | 'parallel';
  /** Attention's and the MLP's output are normed before they join the stream. */
  post_norms: boolean;
  /** Queries and keys are RMS-normed head by head, before RoPE. */
  qk_norm: boolean;
  bias: { qkv: boolean; output: boolean; mlp: boolean };
  mlp: 'gated' | 'plain';
  activation: Activation;
  /** Added to the token's embedding, from row position + offset of a table; without, positions are rotary. */
  learned_positions?: { offset: number } | undefined;
  ropes: readonly RopeConfig[];
  /** Of each layer: how many last positions its queries see (0: all), and which of `ropes` turns them. */
  layers: readonly { window: number; rope: number }[];
  /** Scores are q · k times this. */
  attention_scale: number;
  /** Scores become cap · tanh(score / cap); 0 is off. */
  attention_softcap: number;
  /** The same of the logits. */
  final_softcap: number;
  embed_scale: number;
}

/** What a family's config mapping has to say; the rest is as `DEFAULTS` and the dims have it. */
export type FamilyConfig = Pick<
  ModelConfig,
  | 'hidden_size'
  | 'num_hidden_layers'
  | 'num_attention_heads'
  | 'intermediate_size'
  | 'max_position_embeddings'
  | 'tie_word_embeddings'
  | 'norm'
> &
  Partial<Omit<ModelConfig, 'architecture' | 'vocab_size' | 'eos_token_id'>>;

/** A family that says nothing of these has them so. */
export const DEFAULTS = {
  block: 'sequential',
  post_norms: false,
  qk_norm: false,
  bias: { qkv: false, output: false, mlp: false },
  mlp: 'gated',
  activation: 'silu',
  ropes: [],
  attention_softcap: 0,
  final_softcap: 0,
  embed_scale: 1,
} as const satisfies Partial<ModelConfig>;

/** How one tensor of a file holds query, key and value: in turn, or head by head. */
export interface FusedProjection {
  fused: string;
  by: 'projection' | 'head';
}

/** Hugging Face's tensor names, without the `.weight` and `.bias` at their end; those of a layer without its prefix. */
export interface TensorNames {
  /** What files saved without the head leave out in front of every name. */
  base: string;
  embed: string;
  positions?: string;
  norm: string;
  head: string;
  layer: (index: number) => string;
  attentionNorm: string;
  attentionPostNorm?: string;
  qkv: readonly [query: string, key: string, value: string] | FusedProjection;
  queryNorm?: string | undefined;
  keyNorm?: string | undefined;
  output: string;
  mlpNorm: string;
  mlpPostNorm?: string;
  /** Gate and up; of a plain MLP up alone. */
  mlp: readonly [gate: string, up: string] | readonly [up: string];
  down: string;
  /** Projections are stored (in, out). */
  transposed?: boolean;
}

/** A family of models: one file beside this one. */
export interface Family {
  /** Of config.json: `architectures`, and the `model_type` of one that leaves them out. */
  architecture: string;
  model_type: string;
  /** Models that people know. */
  examples: string;
  tensors: TensorNames;
  /** config.json as the transformer reads it. Errors: by `json`, for what the kernels do not compute. */
  config: (json: ConfigFields) => FamilyConfig;
}
