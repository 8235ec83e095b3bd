/**
 * The training work every contestant does: a small Llama-style decoder (RMSNorm, RoPE, causal attention, SwiGLU, tied head),
 * mean cross-entropy of the next token, Adam. Weights and tokens come from one seed, so that all begin at the same loss.
 */
import { parseModelConfig, type ModelConfig } from '../../src/model/config';
import { Rng } from '../../src/rl/rng';

export interface TrainingWork {
  id: string;
  config: ModelConfig;
  /** B sequences of T inputs and T targets each: B·T tokens carry loss. */
  batch: number;
  length: number;
}

/** torch.optim.Adam's defaults, no weight decay, no clipping. */
export const ADAM = { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 } as const;

/** First steps whose losses are compared: the later ones also hold the gradients and Adam to each other. */
export const CHECKED_STEPS = 3;

const SEED = 3;
const INIT_STD = 0.05;

const decoder = (dims: Record<string, number>): ModelConfig =>
  parseModelConfig({
    architectures: ['LlamaForCausalLM'],
    tie_word_embeddings: true,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    max_position_embeddings: 512,
    ...dims,
  });

export const TRAINING_WORK: readonly TrainingWork[] = [
  {
    id: 'train_step',
    batch: 4,
    length: 64,
    config: decoder({
      vocab_size: 256,
      hidden_size: 64,
      intermediate_size: 256,
      num_hidden_layers: 2,
      num_attention_heads: 4,
    }),
  },
  {
    // 0.98M parameters, 1,024 tokens.
    id: 'train_step_1m',
    batch: 8,
    length: 128,
    config: decoder({
      vocab_size: 1024,
      hidden_size: 128,
      intermediate_size: 384,
      num_hidden_layers: 4,
      num_attention_heads: 4,
    }),
  },
];

export function trainingWork(id: string): TrainingWork {
  const work = TRAINING_WORK.find((candidate) => candidate.id === id);
  if (!work) throw new Error(`no training work is called ${id}`);
  return work;
}

export interface WeightTensor {
  shape: number[];
  data: Float32Array<ArrayBuffer>;
}

/** Hugging Face tensor names with normal weights (σ 0.05), norms at 1; a linear layer's weight is (out, in). */
export function seededWeights(config: ModelConfig): Map<string, WeightTensor> {
  const { hidden_size: C, intermediate_size: F, vocab_size: V, head_dim: HS } = config;
  const rng = new Rng(SEED, 1);
  const tensors = new Map<string, WeightTensor>();
  const matrix = (name: string, rows: number, columns: number): void => {
    const data = Float32Array.from({ length: rows * columns }, () => INIT_STD * normal(rng));
    tensors.set(name, { shape: [rows, columns], data });
  };
  const ones = (name: string): void => {
    tensors.set(name, { shape: [C], data: new Float32Array(C).fill(1) });
  };
  matrix('model.embed_tokens.weight', V, C);
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `model.layers.${layer}.`;
    ones(`${at}input_layernorm.weight`);
    matrix(`${at}self_attn.q_proj.weight`, config.num_attention_heads * HS, C);
    matrix(`${at}self_attn.k_proj.weight`, config.num_key_value_heads * HS, C);
    matrix(`${at}self_attn.v_proj.weight`, config.num_key_value_heads * HS, C);
    matrix(`${at}self_attn.o_proj.weight`, C, config.num_attention_heads * HS);
    ones(`${at}post_attention_layernorm.weight`);
    matrix(`${at}mlp.gate_proj.weight`, F, C);
    matrix(`${at}mlp.up_proj.weight`, F, C);
    matrix(`${at}mlp.down_proj.weight`, C, F);
  }
  ones('model.norm.weight');
  return tensors;
}

/** (B, T+1) token ids: inputs are the first T of a row, targets the last T. */
export function seededTokens({ config, batch, length }: TrainingWork): number[][] {
  const rng = new Rng(SEED, 2);
  return Array.from({ length: batch }, () =>
    Array.from({ length: length + 1 }, () => rng.below(config.vocab_size)),
  );
}

/** (T,HS) cosines and sines; both halves of a head turn by the same angles, as Hugging Face has it. */
export function ropeTables(
  { head_dim: HS, ropes: [rope] }: ModelConfig,
  T: number,
): { cos: Float32Array<ArrayBuffer>; sin: Float32Array<ArrayBuffer> } {
  const half = HS / 2;
  const table = (f: (angle: number) => number): Float32Array<ArrayBuffer> =>
    Float32Array.from({ length: T * HS }, (_, i) =>
      f(Math.floor(i / HS) * (rope?.theta ?? Number.NaN) ** (-((i % HS) % half) / half)),
    );
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

function normal(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng.uniform())) * Math.cos(2 * Math.PI * rng.uniform());
}
