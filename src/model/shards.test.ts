import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Gpu } from '../gpu/device';
import { sharedTestGpu } from '../gpu/testing';
import { sftObjective } from '../kernels/objectives';
import type { Capacity } from './activations';
import { parseModelConfig, type ModelConfig } from './config';
import type { Sampling } from './generate';
import { Parameters } from './parameters';
import { Policy } from './policy';
import type { NamedTensor } from './safetensors';
import { cutsOf, shardRows } from './shards';

const LIMIT = 2 ** 16;
const CAPACITY: Capacity = { tokens: 64, sequences: 8, context: 48, slots: 4, chunk: 16 };
const OPTIONS = { trainable: true, reference: false };
const SETTINGS = { learning_rate: 0.01, weight_decay: 0.1, max_grad_norm: 0.5 };

const configOf = (tie_word_embeddings: boolean): ModelConfig =>
  parseModelConfig({
    architectures: ['LlamaForCausalLM'],
    vocab_size: 701,
    hidden_size: 64,
    intermediate_size: 48,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 8,
    max_position_embeddings: 64,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    tie_word_embeddings,
  });

const SEQUENCES = [19, 23, 11].map((length, b) => ({
  tokens: Array.from({ length }, (_, i) => (137 * i + 411 * b) % 701),
  promptLength: 2,
}));
const COMPLETION = SEQUENCES.reduce((sum, s) => sum + s.tokens.length - s.promptLength, 0);
const CONSTANTS = SEQUENCES.map((s) =>
  Float32Array.from({ length: (s.tokens.length - s.promptLength) * 8 }, (_, i) =>
    i % 8 ? 0 : 1 / COMPLETION,
  ),
);

describe('shards of a vocabulary', () => {
  const megabytes = 2 ** 20;
  const cuts = { pieceBytes: 128 * megabytes, vocabularyStep: 4800 };

  test('what can be bound whole is not cut', () => {
    expect(shardRows(cuts, 49_152, 576)).toEqual([{ row0: 0, rows: 49_152 }]);
  });

  test.each([
    ['GPT-2', 50_257, 768],
    ['Qwen2.5-0.5B', 151_936, 896],
    ['Gemma 3 270M', 262_144, 640],
  ])('%s: few, in order, each within the limit', (_, V, C) => {
    const shards = shardRows(cuts, V, C);
    expect(shards.length).toBeLessThanOrEqual(Math.ceil((1.2 * 4 * V * C) / cuts.pieceBytes));
    let next = 0;
    for (const { row0, rows } of shards) {
      expect(row0).toBe(next);
      expect(row0 % cuts.vocabularyStep).toBe(0);
      expect(4 * rows * C).toBeLessThanOrEqual(cuts.pieceBytes);
      next = row0 + rows;
    }
    expect(next).toBe(V);
  });

  test('a limit too small for the least that may be cut off is named', () => {
    expect(() => shardRows({ ...cuts, pieceBytes: megabytes }, 50_257, 768)).toThrow('binds at most 1.0 MiB');
  });
});

describe.each([true, false])('a model whose vocabulary is cut (tied: %s)', (isTied) => {
  const config = configOf(isTied);
  let gpu: Gpu;
  let policies: [whole: Policy, cut: Policy];
  beforeAll(async () => {
    gpu = await sharedTestGpu();
    const narrow = Object.create(gpu, {
      facts: { value: { ...gpu.facts, maxBufferSize: LIMIT } },
    }) as Gpu;
    expect(new Parameters('cut', config, cutsOf(narrow, config)).embed.length).toBe(3);
    const tensors = new Parameters('made up', config).fill((i) => 0.3 * Math.sin(1.7 * i));
    policies = [gpu, narrow].map((one) => new Policy(one, config, tensors, CAPACITY, OPTIONS)) as [
      Policy,
      Policy,
    ];
  });
  afterAll(() => {
    for (const policy of policies) policy.destroy();
  });
  const both = <T>(of: (policy: Policy) => Promise<T>): Promise<[T, T]> =>
    Promise.all([of(policies[0]), of(policies[1])]);

  test('keeps every tensor as it was given', async () => {
    const [whole, cut] = await both((policy) => policy.save());
    expect(cut).toEqual(whole);
  });

  test('scores, and makes logits, bit by bit as one that is not', async () => {
    const [whole, cut] = await both((policy) => policy.score(SEQUENCES));
    expect(cut).toEqual(whole);
    const short = SEQUENCES.map(({ tokens }) => ({ tokens: tokens.slice(0, 9), promptLength: 1 }));
    const [all, parts] = await both((policy) => policy.logits(short));
    expect(parts).toEqual(all);
  });

  test.each([
    { temperature: 0, top_k: 0 },
    { temperature: 1, top_k: 0 },
    { temperature: 1, top_k: 50 },
  ])('generates the same tokens with the same log-probabilities: %o', async (how) => {
    const sampling: Sampling = { ...how, top_p: 1, max_new_tokens: 20, seed: 5, eos: [] };
    const prompts = SEQUENCES.map(({ tokens }, id) => ({ tokens: tokens.slice(0, 6), id }));
    const [whole, cut] = await both((policy) => policy.generate(prompts, sampling));
    expect(cut).toEqual(whole);
    const tokens = new Set(whole.flatMap((completion) => completion.tokens));
    if (how.temperature) expect(tokens.size).toBeGreaterThan(20);
  });

  test('has the gradients of one that is not: sums over the vocabulary are rounded shard by shard', async () => {
    const [whole, cut] = await both((policy) => policy.gradients(SEQUENCES, sftObjective, CONSTANTS, {}));
    expectNear(cut, whole, 2e-6);
  });

  test('learns the same', async () => {
    const norms = await both(async (policy) => {
      const found: number[] = [];
      for (let step = 0; step < 3; step++)
        found.push((await policy.train(SEQUENCES, sftObjective, CONSTANTS, {}, SETTINGS)).grad_norm);
      return found;
    });
    norms[0].forEach((norm, i) => expect(Math.abs((norms[1][i] ?? 0) / norm - 1)).toBeLessThan(1e-5));
    const [whole, cut] = await both((policy) => policy.save());
    expectNear(cut, whole, 1e-4);
  });
});

test('a frozen vocabulary in 8 bits is cut and computes bit by bit as one that is not', async () => {
  const config = configOf(true);
  const options = { trainable: false, reference: false, weights: 'q8' } as const;
  const gpu = await sharedTestGpu();
  const facts = { ...gpu.facts, maxBufferSize: LIMIT / 2 };
  const narrow = Object.create(gpu, { facts: { value: facts } }) as Gpu;
  expect(new Parameters('cut', config, cutsOf(narrow, config), 'q8').embed.length).toBeGreaterThan(1);
  const tensors = new Parameters('made up', config).fill((i) => 0.3 * Math.sin(1.7 * i));
  const sampling: Sampling = { temperature: 1, top_k: 0, top_p: 1, max_new_tokens: 12, seed: 5, eos: [] };
  const prompts = SEQUENCES.map(({ tokens }, id) => ({ tokens: tokens.slice(0, 6), id }));
  const [whole, cut] = await Promise.all(
    [gpu, narrow].map(async (one) => {
      const policy = new Policy(one, config, tensors, { ...CAPACITY, chunk: 8 }, options);
      const scores = await policy.score(SEQUENCES);
      const completions = await policy.generate(prompts, sampling);
      policy.destroy();
      return { scores, completions };
    }),
  );
  expect(cut).toEqual(whole);
});

/** Every value of every tensor, at most `atol` apart, relative to the tensor's largest where that is above 1. */
function expectNear(
  actual: ReadonlyMap<string, NamedTensor>,
  expected: ReadonlyMap<string, NamedTensor>,
  atol: number,
): void {
  expect([...actual.keys()]).toEqual([...expected.keys()]);
  for (const [name, { data }] of expected) {
    const other = actual.get(name)?.data ?? new Float32Array();
    const worst = data.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - (other[i] ?? Infinity))),
      0,
    );
    expect(worst, name).toBeLessThan(atol);
  }
}
