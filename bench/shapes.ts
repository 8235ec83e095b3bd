import { parseModelConfig, qkvWidth, type ModelConfig } from '../src/model/config';
import { LEVELS } from './model';
import type { BenchContext } from './suite';

/** A model's dims, in the letters of docs/kernels.md. */
export interface Shapes {
  model: string;
  C: number;
  F: number;
  L: number;
  NH: number;
  NKV: number;
  HS: number;
  V: number;
  /** Width of a packed row of queries, keys and values. */
  QKV: number;
  /** Gate and up projections, RMSNorm and rotary positions: all but GPT-2, which has one projection, LayerNorm and GELU. */
  isLlama: boolean;
  /** Comes with the lab: whole steps are measured on its own problems. */
  isBundled: boolean;
  /** Tokens of a typical sequence. */
  T: number;
}

const publicModel = (shapes: Omit<Shapes, 'QKV' | 'isBundled'>): Shapes => ({
  ...shapes,
  isBundled: false,
  QKV: (shapes.NH + 2 * shapes.NKV) * shapes.HS,
});

/** From the config.json of each on huggingface.co. */
const PUBLIC: readonly Shapes[] = [
  { model: 'SmolLM2-135M', C: 576, F: 1536, L: 30, NH: 9, NKV: 3, HS: 64, V: 49152, isLlama: true, T: 512 },
  { model: 'GPT-2', C: 768, F: 3072, L: 12, NH: 12, NKV: 12, HS: 64, V: 50257, isLlama: false, T: 512 },
  { model: 'Qwen2.5-0.5B', C: 896, F: 4864, L: 24, NH: 14, NKV: 2, HS: 64, V: 151936, isLlama: true, T: 512 },
].map(publicModel);

/** What `--model` may name: the bundled models, then the public ones. */
export const MODELS: readonly string[] = [...Object.keys(LEVELS), ...PUBLIC.map(({ model }) => model)];

const BUNDLED_T = 64;

function shapesOf(model: string, config: ModelConfig): Shapes {
  return {
    model,
    C: config.hidden_size,
    F: config.intermediate_size,
    L: config.num_hidden_layers,
    NH: config.num_attention_heads,
    NKV: config.num_key_value_heads,
    HS: config.head_dim,
    V: config.vocab_size,
    QKV: qkvWidth(config),
    isLlama: true,
    isBundled: true,
    T: BUNDLED_T,
  };
}

/** The dims the kernels are measured at: the bundled models as they are, then the public ones. `--model` picks some. */
export async function allShapes({ read, models }: Pick<BenchContext, 'read' | 'models'>): Promise<Shapes[]> {
  const bundled = await Promise.all(
    Object.keys(LEVELS).map(async (id) => {
      const json: unknown = JSON.parse(new TextDecoder().decode(await read(`models/${id}/config.json`)));
      return shapesOf(id, parseModelConfig(json));
    }),
  );
  const all = [...bundled, ...PUBLIC];
  return models.length ? all.filter(({ model }) => models.includes(model)) : all;
}

/** A config of Llama's architecture with these dims, for whole steps with weights drawn at random. */
export function configOf(
  shapes: Omit<Shapes, 'QKV' | 'isLlama' | 'isBundled'>,
  context: number,
): ModelConfig {
  return parseModelConfig({
    architectures: ['LlamaForCausalLM'],
    hidden_size: shapes.C,
    num_hidden_layers: shapes.L,
    num_attention_heads: shapes.NH,
    num_key_value_heads: shapes.NKV,
    head_dim: shapes.HS,
    intermediate_size: shapes.F,
    vocab_size: shapes.V,
    max_position_embeddings: context,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    tie_word_embeddings: true,
  });
}
