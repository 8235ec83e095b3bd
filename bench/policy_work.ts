import type { Gpu } from '../src/gpu/device';
import { sftObjective } from '../src/kernels/objectives';
import type { Capacity } from '../src/model/activations';
import type { Sequence } from '../src/model/batch';
import { qkvWidth, type ModelConfig } from '../src/model/config';
import type { Prompt } from '../src/model/generate';
import { AdapterParameters } from '../src/model/lora';
import { Parameters } from '../src/model/parameters';
import type { LoraConfig } from '../src/model/peft';
import { Policy, type TrainResult } from '../src/model/policy';
import type { NamedTensor } from '../src/model/safetensors';
import type { Cost } from './figure';

/** Constants of the objective, a token. */
const CONSTANTS = 8;
const SETTINGS = { learning_rate: 0, weight_decay: 0, max_grad_norm: 1 };

/** Small weights, all different: what a step costs does not depend on them. */
export function anyWeights(config: ModelConfig): Map<string, NamedTensor> {
  const scale = 1 / Math.sqrt(config.hidden_size);
  return new Parameters('bench', config).fill((i) => scale * (((i * 0.618033988749895) % 1) - 0.5));
}

/** `count` sequences of `length` tokens of which the first `promptLength` carry no loss. */
export function anySequences(count: number, length: number, promptLength: number, V: number): Sequence[] {
  return Array.from({ length: count }, (_, b) => ({ tokens: anyTokens(b, length, V), promptLength }));
}

export const anyPrompts = (count: number, length: number, V: number): Prompt[] =>
  Array.from({ length: count }, (_, id) => ({ id, tokens: anyTokens(id, length, V) }));

const anyTokens = (b: number, length: number, V: number): number[] =>
  Array.from({ length }, (_, t) => (b * 31 + t * 17) % V);

/** Buffers for exactly these sequences in one micro-batch, and `slots` of generation. */
export function capacityOf(config: ModelConfig, sequences: readonly Sequence[], slots = 0): Capacity {
  const tokens = sequences.reduce((sum, s) => sum + s.tokens.length, 0);
  const rows = Math.floor(LOGITS_BYTES / (4 * config.vocab_size) / 64) * 64;
  return {
    tokens,
    sequences: sequences.length,
    context: sequences.reduce((most, s) => Math.max(most, s.tokens.length), 0),
    slots,
    chunk: Math.max(64, Math.min(Math.ceil(tokens / 64) * 64, rows)),
  };
}
const LOGITS_BYTES = 16 * 2 ** 20;

export function makePolicy(gpu: Gpu, config: ModelConfig, capacity: Capacity): Policy {
  return new Policy(gpu, config, anyWeights(config), capacity, { trainable: true, reference: false });
}

/** A training step on these sequences, to be called again and again. */
export function trainStep(policy: Policy, sequences: readonly Sequence[]): () => Promise<TrainResult> {
  const M = lossRows(sequences);
  const constants = sequences.map((s) =>
    Float32Array.from({ length: (s.tokens.length - s.promptLength) * CONSTANTS }, (_, i) =>
      i % CONSTANTS ? 0 : 1 / M,
    ),
  );
  return () => policy.train(sequences, sftObjective, constants, {}, SETTINGS);
}

/** Every token of them, as the recipes count. */
export const tokenCount = (sequences: readonly Sequence[]): number =>
  sequences.reduce((sum, s) => sum + s.tokens.length, 0);

/** Tokens that are computed with: a sequence's last is only predicted. */
const inputCount = (sequences: readonly Sequence[]): number => tokenCount(sequences) - sequences.length;

const lossRows = (sequences: readonly Sequence[]): number =>
  sequences.reduce((sum, s) => sum + s.tokens.length - s.promptLength, 0);

/** Weights of a block's projections. */
function blockWeights(config: ModelConfig): number {
  const { hidden_size: C, intermediate_size: F, num_attention_heads: NH, head_dim: HS } = config;
  return qkvWidth(config) * C + NH * HS * C + 3 * F * C;
}

/** How often the forward's products, and its attention, are done in all. */
interface Passes {
  products: number;
  attention: number;
}
const FORWARD: Passes = { products: 1, attention: 1 };
/** Backward is twice the products, and 2.5 times the attention; beneath an adapter only dX is computed. */
const FULL: Passes = { products: 3, attention: 3.5 };
const FROZEN: Passes = { products: 2, attention: 3.5 };

/**
 * Operations of passes over these sequences: of the forward 2 a weight and token in the blocks, 2·V·C a row that carries
 * loss, and 4·HS a head and pair of positions in attention.
 */
function passFlops(config: ModelConfig, sequences: readonly Sequence[], passes: Passes): number {
  const { hidden_size: C, vocab_size: V, num_hidden_layers: L } = config;
  const { num_attention_heads: NH, head_dim: HS } = config;
  const pairs = sequences.reduce((sum, { tokens: { length } }) => sum + (length * (length - 1)) / 2, 0);
  const products = 2 * L * blockWeights(config) * inputCount(sequences) + 2 * V * C * lossRows(sequences);
  const attention = 4 * L * NH * HS * pairs;
  return passes.products * products + passes.attention * attention;
}

/** Arithmetic alone: a step's traffic depends on how it is cut into kernels. */
export const trainCost = (config: ModelConfig, sequences: readonly Sequence[]): Cost => ({
  flops: passFlops(config, sequences, FULL),
  bytes: 0,
});

/** The same of an adapter over frozen weights: 6 operations a weight of its own and token. */
export function loraCost(config: ModelConfig, lora: LoraConfig, sequences: readonly Sequence[]): Cost {
  const { shapes } = new AdapterParameters('adapter', config, lora);
  const weights = [...shapes.values()].reduce((sum, [rows = 0, columns = 1]) => sum + rows * columns, 0);
  const own = 6 * weights * inputCount(sequences);
  return { flops: passFlops(config, sequences, FROZEN) + own, bytes: 0 };
}

export const scoreCost = (config: ModelConfig, sequences: readonly Sequence[]): Cost => ({
  flops: passFlops(config, sequences, FORWARD),
  bytes: 0,
});

/** One decoding step of B rows at `context` tokens: every weight and every cached key and value is read once. */
export function decodeCost(config: ModelConfig, B: number, context: number): Cost {
  const { hidden_size: C, vocab_size: V, num_hidden_layers: L } = config;
  const { num_attention_heads: NH, num_key_value_heads: NKV, head_dim: HS } = config;
  const weights = L * blockWeights(config) + V * C;
  return {
    flops: B * (2 * weights + 4 * L * NH * HS * context),
    bytes: 4 * (weights + 2 * B * L * NKV * HS * context),
    stream: 'read',
  };
}
