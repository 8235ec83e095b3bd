import { LabError } from '../errors';
import type { Heads } from '../kernels/rope';
import { FAMILIES, findFamily } from './families';
import { DEFAULTS, type ModelConfig } from './families/family';
import { ConfigFields } from './families/fields';

export type { ModelConfig } from './families/family';

/** Architectures the transformer can train. */
export const ARCHITECTURES: readonly string[] = FAMILIES.map(({ architecture }) => architecture);

const MAX_HEAD_DIM = 256;

/**
 * Reads config.json. Errors: `bad_input` naming the field when the architecture is another one, a field is missing, or
 * it asks for something the kernels do not compute.
 */
export function parseModelConfig(json: unknown): ModelConfig {
  if (typeof json !== 'object' || json === null) {
    throw new LabError(
      'bad_input',
      'config.json is not a JSON object. Choose the folder of a Hugging Face model.',
    );
  }
  const fields = new ConfigFields(json as Record<string, unknown>);
  const family = findFamily(fields.architecture);
  if (!family) {
    const known = FAMILIES.map(({ architecture, examples }) => `${architecture} (${examples})`);
    throw new LabError(
      'bad_input',
      `config.json names the architecture ${fields.architecture}, which the lab cannot train yet. ` +
        `It trains ${known.join(', ')}.`,
    );
  }
  const own = family.config(fields);
  const head_dim = own.hidden_size / own.num_attention_heads;
  const config: ModelConfig = {
    ...DEFAULTS,
    num_key_value_heads: own.num_attention_heads,
    head_dim,
    layers: Array.from({ length: own.num_hidden_layers }, () => ({ window: 0, rope: 0 })),
    attention_scale: (own.head_dim ?? head_dim) ** -0.5,
    ...own,
    architecture: family.architecture,
    vocab_size: fields.number('vocab_size'),
    eos_token_id: fields.eos,
  };
  refuseDims(fields, config);
  return config;
}

function refuseDims(json: ConfigFields, config: ModelConfig): void {
  const { hidden_size, intermediate_size, head_dim, num_attention_heads, num_key_value_heads } = config;
  if (hidden_size % 4 || intermediate_size % 4 || head_dim % 4 || head_dim > MAX_HEAD_DIM) {
    json.refuse(
      `hidden_size ${hidden_size}, intermediate_size ${intermediate_size}, head_dim ${head_dim} ` +
        `(multiples of 4, head_dim at most ${MAX_HEAD_DIM}, are needed)`,
    );
  }
  for (const { rotary_dim } of config.ropes) {
    if (rotary_dim % 4)
      json.refuse(`rotary positions of ${rotary_dim} dimensions (a multiple of 4 is needed)`);
  }
  if (num_attention_heads % num_key_value_heads) {
    json.refuse(`${num_attention_heads} attention heads over ${num_key_value_heads} key/value heads`);
  }
}

/** Head counts in the letters of docs/kernels.md. */
export function headsOf(config: ModelConfig): Heads {
  const { num_attention_heads: NH, num_key_value_heads: NKV, head_dim: HS } = config;
  return { NH, NKV, HS };
}

/** Width of the packed projections: NH query heads, then NKV key heads, then NKV value heads. */
export function qkvWidth(config: ModelConfig): number {
  return (config.num_attention_heads + 2 * config.num_key_value_heads) * config.head_dim;
}

/** Width of the MLP's first projection: gate and up, or up alone. */
export const mlpWidth = (config: ModelConfig): number =>
  (config.mlp === 'gated' ? 2 : 1) * config.intermediate_size;

/** Floats of a norm's parameters: its weight; of LayerNorm its weight, then its bias. */
export const normWidth = (config: ModelConfig): number =>
  (config.norm.kind === 'layernorm' ? 2 : 1) * config.hidden_size;

/** Norms over C of a model: of each block two or four, and the last. */
export const normCount = (config: ModelConfig): number =>
  (config.post_norms ? 4 : 2) * config.num_hidden_layers + 1;
