import { beforeAll, describe, expect, test } from 'vitest';
import { GpuCounter } from '../gpu/counting';
import type { Gpu } from '../gpu/device';
import { sharedTestGpu } from '../gpu/testing';
import { testNumbers } from '../kernels/case_numbers';
import { expectClose } from '../kernels/compare';
import { sftObjective } from '../kernels/objectives';
import { decodeRows, encodeRows, type Storage } from '../kernels/quantize';
import { vocabularyStorage } from '../kernels/vocabulary';
import { CONSTANTS, type Capacity } from './activations';
import { parseModelConfig } from './config';
import { AdapterParameters, adaptableModules } from './lora';
import { Parameters } from './parameters';
import type { LoraConfig } from './peft';
import { Policy } from './policy';
import { memorySource, type NamedTensor } from './tensor_source';

const CAPACITY: Capacity = { tokens: 64, sequences: 8, context: 48, slots: 4, chunk: 64 };
const SETTINGS = { learning_rate: 0.02, weight_decay: 0, max_grad_norm: 1 };
const STORED = ['f16', 'q8', 'q4'] as const satisfies readonly Storage[];

const DIMS = { vocab_size: 96, max_position_embeddings: 64 };
/** Rows that are no multiple of a group; fused projections with biases; an untied head; one family that stores its matrices transposed. */
const CONFIGS = {
  Qwen2ForCausalLM: parseModelConfig({
    ...DIMS,
    tie_word_embeddings: false,
    architectures: ['Qwen2ForCausalLM'],
    hidden_size: 72,
    intermediate_size: 100,
    num_hidden_layers: 2,
    num_attention_heads: 6,
    num_key_value_heads: 2,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
  }),
  GPT2LMHeadModel: parseModelConfig({
    ...DIMS,
    architectures: ['GPT2LMHeadModel'],
    n_embd: 72,
    n_layer: 2,
    n_head: 6,
    n_positions: 64,
    layer_norm_epsilon: 1e-5,
    activation_function: 'gelu_new',
  }),
};

const SEQUENCES = [19, 23, 11].map((length, b) => ({
  tokens: Array.from({ length }, (_, i) => (37 * i + 11 * b) % 96),
  promptLength: 2,
}));
const ROWS = SEQUENCES.reduce((sum, s) => sum + s.tokens.length - s.promptLength, 0);
const LOSS = SEQUENCES.map((s) =>
  Float32Array.from({ length: (s.tokens.length - s.promptLength) * CONSTANTS }, (_, i) =>
    i % CONSTANTS ? 0 : 1 / ROWS,
  ),
);

describe.each(Object.entries(CONFIGS))('%s on frozen weights', (_, config) => {
  const lora: LoraConfig = { rank: 4, alpha: 8, rslora: false, modules: adaptableModules(config) };
  const tensors = new Parameters('made up', config).fill((i) => 0.3 * Math.sin(1.7 * i));
  const adapter = new Map(
    [...new AdapterParameters('adapter', config, lora).shapes].map(
      ([name, shape], i): [string, NamedTensor] => [
        name,
        { shape: [...shape], data: testNumbers(shape[0]! * shape[1]!, i, 0.2) },
      ],
    ),
  );
  let gpu: Gpu;
  let counter: GpuCounter;
  beforeAll(async () => {
    gpu = await sharedTestGpu();
    counter = new GpuCounter(gpu);
  });

  async function policyOf(given: ReadonlyMap<string, NamedTensor>, weights: Storage): Promise<Policy> {
    const options = { trainable: true, reference: false, lora, weights };
    const policy = await Policy.open(gpu, config, memorySource(given), CAPACITY, options);
    policy.loadAdapter(adapter);
    return policy;
  }

  /** What a policy says of its weights, with no adapter. */
  async function stored(weights: Storage): Promise<Map<string, NamedTensor>> {
    const options = { trainable: false, reference: false, weights };
    const policy = new Policy(gpu, config, tensors, CAPACITY, options);
    const saved = await policy.save();
    policy.destroy();
    return saved;
  }

  test.each(STORED)('%s: takes the bytes it says, all of them planned', async (weights) => {
    const before = counter.liveBytes;
    const plain = await policyOf(tensors, 'f32');
    const between = counter.liveBytes;
    const policy = await policyOf(tensors, weights);
    const sum = (bytes: Record<string, number>): number => Object.values(bytes).reduce((a, b) => a + b, 0);
    expect(between - before).toBe(sum(plain.bytes));
    expect(counter.liveBytes - between).toBe(sum(policy.bytes));
    // Of the weights some, positions, norms and biases, stay f32.
    const rest = (64 + 40) * 72 * 4 + 4096 * 6;
    const share = { f16: 1 / 2, q8: 9.5 / 32, q4: 6.5 / 32 }[weights];
    expect(policy.bytes['weights']).toBeLessThan(share * (plain.bytes['weights'] ?? 0) + rest);
    policy.destroy();
    plain.destroy();
  });

  test.each(STORED)(
    '%s: matrices, the embedding too, are stored row by row, all else as it was',
    async (weights) => {
      const saved = await stored(weights);
      const isMatrix = (name: string, { shape }: NamedTensor): boolean =>
        shape.length === 2 && /layers|\.h\.|embed_tokens|wte|lm_head/.test(name);
      for (const [name, given] of tensors) {
        const found = saved.get(name);
        expect(found?.shape).toEqual(given.shape);
        const isVocabulary = /embed_tokens|wte|lm_head/.test(name);
        const storage = isVocabulary ? vocabularyStorage(weights) : weights;
        if (!isMatrix(name, given)) expect(found?.data, name).toEqual(given.data);
        else if (config.architecture === 'Qwen2ForCausalLM' || isVocabulary) {
          const [, length = 1] = given.shape;
          const expected = decodeRows(storage, encodeRows(storage, given.data, length), length);
          expect(found?.data, name).toEqual(expected);
        } else {
          const worst = given.data.reduce((most, value, i) => {
            return Math.max(most, Math.abs(value - (found?.data[i] ?? Infinity)));
          }, 0);
          expect(worst, name).toBeLessThan({ f16: 2e-4, q8: 3e-3, q4: 4e-2 }[weights]);
          expect(worst, name).toBeGreaterThan(0);
        }
      }
    },
  );

  // Of one family: the other's difference is in how its matrices come to be stored, which is held above.
  const computed = config.architecture === 'Qwen2ForCausalLM' ? STORED : [];
  test.each(computed)('%s: computes what f32 computes with the stored values', async (weights) => {
    const policy = await policyOf(tensors, weights);
    const oracle = await policyOf(await stored(weights), 'f32');
    const both = async <T>(of: (one: Policy) => Promise<T>): Promise<[T, T]> => [
      await of(policy),
      await of(oracle),
    ];
    const tolerance = { atol: 2e-5, rtol: 1e-4, reason: 'the same sums, fused otherwise' };

    const [logp, expected] = await both(async (one) =>
      (await one.score(SEQUENCES)).logp.flatMap((row) => [...row]),
    );
    expectClose('log-probs', logp, expected, tolerance);

    const [gradients, expectedGradients] = await both((one) =>
      one.gradients(SEQUENCES, sftObjective, LOSS, {}),
    );
    expect([...gradients.keys()]).toEqual([...expectedGradients.keys()]);
    for (const [name, { data }] of expectedGradients)
      expectClose(name, gradients.get(name)?.data ?? [], data, tolerance);

    const sampling = { temperature: 0, top_k: 0, top_p: 1, max_new_tokens: 12, seed: 1, eos: [] };
    const prompts = SEQUENCES.map(({ tokens }, id) => ({ tokens: tokens.slice(0, 6), id }));
    const [completions, expectedCompletions] = await both((one) => one.generate(prompts, sampling));
    expect(completions.map(({ tokens }) => tokens)).toEqual(expectedCompletions.map(({ tokens }) => tokens));

    const losses: number[] = [];
    for (let step = 0; step < 5; step++)
      losses.push((await policy.train(SEQUENCES, sftObjective, LOSS, {}, SETTINGS)).sums[0] ?? Number.NaN);
    expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) - 0.1);
    policy.destroy();
    oracle.destroy();
  });
});
