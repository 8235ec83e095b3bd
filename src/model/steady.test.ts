import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GpuCounter } from '../gpu/counting';
import type { Gpu } from '../gpu/device';
import { openTestGpu } from '../gpu/testing';
import { sftObjective } from '../kernels/objectives';
import type { Capacity } from './activations';
import type { Sequence } from './batch';
import { parseModelConfig, type ModelConfig } from './config';
import { Parameters } from './parameters';
import { Policy } from './policy';
import { Resources } from './resources';

// The steady state: nothing is created, nothing is waited for, and the bytes are those of the plan.
const CONFIG: ModelConfig = parseModelConfig({
  architectures: ['LlamaForCausalLM'],
  vocab_size: 50,
  hidden_size: 16,
  intermediate_size: 40,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  tie_word_embeddings: true,
});
const CAPACITY: Capacity = { tokens: 64, sequences: 8, context: 48, slots: 6, chunk: 64 };
const SETTINGS = { learning_rate: 1e-3, weight_decay: 0, max_grad_norm: 1 };

let gpu: Gpu;
let counter: GpuCounter;
beforeAll(async () => {
  gpu = await openTestGpu({ defaultLimits: true });
  counter = new GpuCounter(gpu);
});
afterAll(() => gpu.close());

/** Weights of a model with `layers` blocks, small and fixed. */
function makePolicy(layers = CONFIG.num_hidden_layers, reference = true, checkpointing = false): Policy {
  const config = { ...CONFIG, num_hidden_layers: layers };
  const tensors = new Parameters('made up', config).fill((i) => 0.3 * Math.sin(1.7 * i));
  return new Policy(gpu, config, tensors, CAPACITY, {
    trainable: true,
    reference,
    checkpointing,
  });
}

const sequence = (length: number, first: number): Sequence => ({
  tokens: Array.from({ length }, (_, t) => (first + 7 * t) % 50),
  promptLength: 3,
});
/** Three micro-batches of 64 tokens. */
const SEQUENCES = [40, 20, 33, 17, 48, 9].map((length, i) => sequence(length, i));
const CONSTANTS = SEQUENCES.map(({ tokens, promptLength }) =>
  Float32Array.from({ length: (tokens.length - promptLength) * 8 }, (_, i) => (i % 8 ? 0 : 0.01)),
);
const PROMPTS = SEQUENCES.map(({ tokens }, id) => ({ id, tokens: Array.from(tokens).slice(0, 5) }));
const SAMPLING = { temperature: 1, top_k: 0, top_p: 1, max_new_tokens: 40, seed: 1, eos: [] };

const step = (policy: Policy) => policy.train(SEQUENCES, sftObjective, CONSTANTS, {}, SETTINGS);

test('the plan’s bytes are the bytes allocated, before and after everything has run', async () => {
  const before = counter.liveBytes;
  counter.take();
  const policy = makePolicy();
  const planned = Object.values(policy.bytes).reduce((sum, bytes) => sum + bytes, 0);
  expect(counter.take().bytes).toBe(planned);
  const reference = policy.freezeReference();
  await Promise.all([policy.score(SEQUENCES), reference.logprobs(SEQUENCES)]);
  await policy.generate(PROMPTS, SAMPLING);
  const results = [step(policy), step(policy)];
  await Promise.all(results);
  await policy.save();
  await policy.saveOptimizer();
  expect(counter.take().bytes).toBe(0);
  expect(counter.liveBytes - before).toBe(planned);
  policy.destroy();
  expect(counter.liveBytes).toBe(before);
});

test('laying out and recording allocates nothing', () => {
  counter.take();
  const resources = new Resources(gpu, CONFIG, CAPACITY, { trainable: true, reference: true });
  expect(resources.totalBytes).toBeGreaterThan(100_000);
  expect(counter.take()).toMatchObject({ objects: 0, bytes: 0 });
});

describe('a steady training step', () => {
  test('makes no GPU object, and is not waited for while the next one is queued', async () => {
    const policy = makePolicy();
    await step(policy);
    counter.take();
    // Each is submitted whole before its first await, so no result can arrive in between, however slow this process is.
    await Promise.all(Array.from({ length: 6 }, () => step(policy)));
    // Only the very last read has nothing queued behind it. One submit a micro-batch, the update in the last of them.
    const counts = { objects: 0, readbacks: 6, blockingReadbacks: 1, waits: 0, submits: 6 * 3 };
    expect(counter.take()).toMatchObject(counts);
    policy.destroy();
  });

  test.each([
    ['23', false, 23],
    ['with activation checkpointing 28', true, 28],
  ] as const)('takes %s dispatches a layer', async (_, checkpointing, expected) => {
    const [two, three] = [await dispatches(2, checkpointing), await dispatches(3, checkpointing)];
    expect(three - two).toBe(expected);
  });
});

test('checkpointing takes less memory and gives the same gradients', async () => {
  const gradients: Awaited<ReturnType<Policy['gradients']>>[] = [];
  const activations: number[] = [];
  for (const checkpointing of [false, true]) {
    const policy = makePolicy(4, false, checkpointing);
    activations.push(policy.bytes['activations'] ?? 0);
    gradients.push(await policy.gradients(SEQUENCES, sftObjective, CONSTANTS, {}));
    policy.destroy();
  }
  expect(activations[1]).toBeLessThan(0.7 * (activations[0] ?? 0));
  expect(gradients[1]).toEqual(gradients[0]);
});

test('an update that diverges leaves the weights as they were, and so do those queued behind it', async () => {
  const policy = makePolicy();
  const before = await policy.save();
  const infinite = CONSTANTS.map((part) => part.map((weight) => weight && Number.POSITIVE_INFINITY));
  const queued = [policy.train(SEQUENCES, sftObjective, infinite, {}, SETTINGS), step(policy), step(policy)];
  for (const result of await Promise.allSettled(queued)) {
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'diverged' } });
  }
  expect(await policy.save()).toEqual(before);
  // Training can go on from there, at the first update again.
  const { grad_norm } = await step(policy);
  expect(grad_norm).toBeGreaterThan(0);
  expect((await policy.saveOptimizer()).updates).toBe(1);
  expect(await policy.save()).not.toEqual(before);
  policy.destroy();
});

/** Dispatches of a training step of one micro-batch. */
async function dispatches(layers: number, checkpointing: boolean): Promise<number> {
  const policy = makePolicy(layers, false, checkpointing);
  counter.take();
  await policy.train(SEQUENCES.slice(0, 1), sftObjective, CONSTANTS, {}, SETTINGS);
  policy.destroy();
  return counter.take().dispatches;
}
