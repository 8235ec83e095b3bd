import { LabError } from '../errors';

/**
 * The dims of a decoder, in Hugging Face's names, read from `config.json`. Letters of docs/kernels.md: C hidden_size,
 * L num_hidden_layers, NH num_attention_heads, NKV num_key_value_heads, HS head_dim, F intermediate_size, V vocab_size.
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
  rms_norm_eps: number;
  rope_theta: number;
  tie_word_embeddings: boolean;
  eos_token_id: number[];
}

/** Architectures the transformer can train. */
export const ARCHITECTURES = ['LlamaForCausalLM'] as const;

const MAX_HEAD_DIM = 128;

/**
 * Reads config.json. Errors: `bad_input` naming the field when the architecture is another one, a field is missing, or
 * it asks for something the kernels do not compute (biases, RoPE scaling, another activation).
 */
export function parseModelConfig(json: unknown): ModelConfig {
  if (typeof json !== 'object' || json === null) {
    throw new LabError(
      'bad_input',
      'config.json is not a JSON object. Choose the folder of a Hugging Face model.',
    );
  }
  const raw = json as Record<string, unknown>;
  const architecture = Array.isArray(raw.architectures)
    ? String(raw.architectures[0])
    : String(raw.model_type);
  if (!(ARCHITECTURES as readonly string[]).includes(architecture)) {
    throw new LabError(
      'bad_input',
      `config.json names the architecture ${architecture}, which the lab cannot train yet. ` +
        `It trains ${ARCHITECTURES.join(', ')} (for example SmolLM2 or TinyLlama).`,
    );
  }
  const number = (name: string, fallback?: number): number => {
    const value = raw[name] ?? fallback;
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) {
      throw new LabError(
        'bad_input',
        `config.json: ${name} is missing or not a positive number (${JSON.stringify(value)}).`,
      );
    }
    return value;
  };
  const hidden_size = number('hidden_size');
  const num_attention_heads = number('num_attention_heads');
  const config: ModelConfig = {
    architecture,
    hidden_size,
    num_hidden_layers: number('num_hidden_layers'),
    num_attention_heads,
    num_key_value_heads: number('num_key_value_heads', num_attention_heads),
    head_dim: number('head_dim', hidden_size / num_attention_heads),
    intermediate_size: number('intermediate_size'),
    vocab_size: number('vocab_size'),
    max_position_embeddings: number('max_position_embeddings', 2048),
    rms_norm_eps: number('rms_norm_eps', 1e-6),
    rope_theta: ropeTheta(raw),
    tie_word_embeddings: raw.tie_word_embeddings === true,
    eos_token_id: [raw.eos_token_id].flat().filter((id): id is number => typeof id === 'number'),
  };
  refuseUnsupported(raw, config);
  return config;
}

/** transformers 5 nests it in `rope_parameters`; earlier versions keep it at the top. */
function ropeTheta(raw: Record<string, unknown>): number {
  const nested = (raw.rope_parameters ?? {}) as Record<string, unknown>;
  const theta = nested.rope_theta ?? raw.rope_theta ?? 10_000;
  if (typeof theta !== 'number' || theta <= 0) {
    throw new LabError(
      'bad_input',
      `config.json: rope_theta is not a positive number (${JSON.stringify(theta)}).`,
    );
  }
  return theta;
}

function refuseUnsupported(raw: Record<string, unknown>, config: ModelConfig): void {
  const refuse = (what: string): never => {
    throw new LabError('bad_input', `config.json asks for ${what}, which the lab does not compute yet.`);
  };
  const scaling = (raw.rope_scaling ?? raw.rope_parameters) as Record<string, unknown> | null | undefined;
  const ropeType = scaling?.rope_type ?? scaling?.type ?? 'default';
  if (ropeType !== 'default') refuse(`RoPE scaling "${JSON.stringify(ropeType)}"`);
  if (raw.attention_bias === true || raw.mlp_bias === true) refuse('biases in attention or MLP');
  if (raw.hidden_act !== undefined && raw.hidden_act !== 'silu') {
    refuse(`the activation ${JSON.stringify(raw.hidden_act)}`);
  }
  const { hidden_size, intermediate_size, head_dim, num_attention_heads, num_key_value_heads } = config;
  if (hidden_size % 4 || intermediate_size % 4 || head_dim % 4 || head_dim > MAX_HEAD_DIM) {
    refuse(
      `hidden_size ${hidden_size}, intermediate_size ${intermediate_size}, head_dim ${head_dim} ` +
        `(multiples of 4, head_dim at most ${MAX_HEAD_DIM}, are needed)`,
    );
  }
  if (num_attention_heads % num_key_value_heads) {
    refuse(`${num_attention_heads} attention heads over ${num_key_value_heads} key/value heads`);
  }
}

/** Width of the packed projections: NH query heads, then NKV key heads, then NKV value heads. */
export function qkvWidth(config: ModelConfig): number {
  return (config.num_attention_heads + 2 * config.num_key_value_heads) * config.head_dim;
}
