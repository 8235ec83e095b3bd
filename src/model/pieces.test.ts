import { beforeAll, expect, test } from 'vitest';
import { Arena } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { sharedTestGpu } from '../gpu/testing';
import { sftObjective } from '../kernels/objectives';
import type { Capacity } from './activations';
import { parseModelConfig } from './config';
import { Parameters } from './parameters';
import { Policy } from './policy';
import { safetensorsChunks, writeSafetensors } from './safetensors';
import { memorySource } from './tensor_source';

const CONFIG = parseModelConfig({
  architectures: ['LlamaForCausalLM'],
  vocab_size: 64,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: false,
});
const CAPACITY: Capacity = { tokens: 64, sequences: 8, context: 48, slots: 4, chunk: 64 };

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedTestGpu();
});

test('a flat arena takes as few buffers as hold it, and no tensor is cut', () => {
  const arena = new Arena('weights', 'flat', 1024);
  const tensors = [100, 150, 60, 400, 10].map((n, i) => arena.tensor(`t${i}`, [n]));
  expect(arena.pieces.map(({ bytes }) => bytes)).toEqual([512, 768 + 256, 1792, 256]);
  expect(tensors.map(({ offset }) => offset)).toEqual([0, 0, 768, 0, 0]);
  arena.together(4, [64]);
  for (let i = 0; i < 4; i++) arena.tensor(`together${i}`, [64]);
  expect(arena.pieces.at(-1)?.bytes).toBe(1024);
});

/** Three updates, the weights and moments after them, and what generation says. */
async function train(own: Gpu) {
  const tensors = new Parameters('made up', CONFIG).fill((i) => 0.2 * Math.sin(1.7 * i));
  const policy = new Policy(own, CONFIG, tensors, CAPACITY, { trainable: true, reference: true });
  const sequences = [9, 17, 5].map((length, b) => ({
    tokens: Array.from({ length }, (_, i) => (7 * i + 13 * b) % CONFIG.vocab_size),
    promptLength: 2,
  }));
  const tokens = sequences.reduce((sum, s) => sum + s.tokens.length - s.promptLength, 0);
  const constants = sequences.map((s) =>
    Float32Array.from({ length: (s.tokens.length - s.promptLength) * 8 }, (_, i) => (i % 8 ? 0 : 1 / tokens)),
  );
  const reference = policy.freezeReference();
  const settings = { learning_rate: 0.01, weight_decay: 0.1, max_grad_norm: 0.5 };
  const norms: number[] = [];
  for (let step = 0; step < 3; step++) {
    norms.push((await policy.train(sequences, sftObjective, constants, {}, settings)).grad_norm);
  }
  const weights = await policy.save();
  const moments = await policy.saveOptimizer();
  const before = await reference.logprobs(sequences);
  await policy.load(memorySource(weights));
  const after = await policy.score(sequences);
  policy.destroy();
  return { norms, weights, moments, before, after: after.logp };
}

test('weights spread over many buffers train as in one', async () => {
  const whole = await train(gpu);
  const facts = { ...gpu.facts, maxBufferSize: 32_768 };
  const narrow: Gpu = Object.create(gpu, { facts: { value: facts } }) as Gpu;
  const pieces = new Parameters('weights', CONFIG, { pieceBytes: 32_768, vocabularyStep: 64 }).arena.pieces
    .length;
  expect(pieces).toBeGreaterThan(2);
  const spread = await train(narrow);
  // The squares of the gradient are summed piece by piece: another order, rounded otherwise.
  spread.norms.forEach((norm, i) => expect(Math.abs(norm / (whole.norms[i] ?? 0) - 1)).toBeLessThan(1e-6));
  for (const [name, { data }] of whole.weights) {
    const other = spread.weights.get(name)?.data ?? new Float32Array();
    expect(other.length).toBe(data.length);
    data.forEach((value, i) => expect(Math.abs(value - (other[i] ?? Number.NaN))).toBeLessThan(1e-5));
  }
  expect([...spread.moments.tensors.keys()]).toEqual([...whole.moments.tensors.keys()]);
  expect(spread.before).toEqual(whole.before);
  whole.after
    .flatMap((row) => [...row])
    .forEach((value, i) => {
      expect(Math.abs(value - (spread.after.flatMap((row) => [...row])[i] ?? Number.NaN))).toBeLessThan(1e-4);
    });
});

test('weights over many buffers and shards are read back by rows, and written as a file with the bits they had', async () => {
  const facts = { ...gpu.facts, maxBufferSize: 32_768 };
  const narrow: Gpu = Object.create(gpu, { facts: { value: facts } }) as Gpu;
  const tensors = new Parameters('made up', CONFIG).fill((i) => Math.sin(0.7 * i));
  const policy = new Policy(narrow, CONFIG, tensors, CAPACITY, { trainable: true, reference: false });
  const source = policy.weightsSource();
  expect(source.names).toEqual([...tensors.keys()]);
  const parts: Uint8Array[] = [];
  for await (const part of safetensorsChunks(source)) parts.push(part);
  expect(Buffer.compare(Buffer.concat(parts), writeSafetensors(tensors))).toBe(0);
  for (const [name, { shape, data }] of tensors) {
    const [rows = 0] = shape;
    const width = data.length / rows;
    const [from, count] = [Math.floor(rows / 3), Math.ceil(rows / 2)];
    expect(await source.read(name, from, count), name).toEqual(
      data.subarray(from * width, (from + count) * width),
    );
  }
  const { moments, updates } = policy.optimizerSource();
  expect(updates).toBe(0);
  expect(moments.names).toHaveLength(2 * tensors.size);
  expect((await moments.read(`exp_avg_sq.${source.names[0]}`)).every((value) => value === 0)).toBe(true);
  policy.destroy();
});
