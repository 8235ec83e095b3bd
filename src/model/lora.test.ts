import { beforeAll, describe, expect, test } from 'vitest';
import { GpuCounter } from '../gpu/counting';
import type { Gpu } from '../gpu/device';
import { sharedTestGpu } from '../gpu/testing';
import { testNumbers } from '../kernels/case_numbers';
import { expectClose } from '../kernels/compare';
import { sftObjective } from '../kernels/objectives';
import type { Capacity } from './activations';
import type { BufferOptions } from './buffers';
import { readGolden } from './goldens/testing';
import { AdapterParameters, adaptableModules } from './lora';
import { mergedSource } from './lora_merge';
import { loraNames, loraScale, targetedModules, type LoraConfig } from './peft';
import { Policy } from './policy';
import { memorySource, readTensors, type NamedTensor } from './tensor_source';

// Oracle: the same model with the adapter merged into its weights on the CPU, held against transformers in policy.test.ts. Of
// its gradient dW the chain rule gives an adapter's: dB = s dW Aᵀ, dA = s Bᵀ dW.
const CAPACITY: Capacity = { tokens: 64, sequences: 8, context: 64, slots: 8, chunk: 64 };
const SETTINGS = { learning_rate: 1e-2, weight_decay: 0, max_grad_norm: 1 };
const golden = readGolden('llama_gqa_untied');
const { config: model, tensors, sequences } = golden;

/** Some of the modules of each fused projection; a rank that is no multiple of 4. */
const SOME = configFor(['q_proj', 'v_proj', 'up_proj', 'down_proj'], 3);
const ALL = configFor(['all-linear'], 4, true);

function configFor(targets: string[], rank: number, rslora = false): LoraConfig {
  return { rank, alpha: 6, rslora, modules: targetedModules(targets, adaptableModules(model)) };
}

/** Every number of an adapter drawn: B is not zero. */
function drawn(lora: LoraConfig): Map<string, NamedTensor> {
  const { shapes } = new AdapterParameters('adapter', model, lora);
  return new Map(
    [...shapes].map(([name, [rows = 0, columns = 0]], i) => [
      name,
      { shape: [rows, columns], data: testNumbers(rows * columns, i, 0.3) },
    ]),
  );
}

const constants = (): Float32Array[] =>
  sequences.map(({ tokens, promptLength }) =>
    Float32Array.from({ length: (tokens.length - promptLength) * 8 }, (_, i) =>
      i % 8 === 0 ? 1 / golden.logp.length : 0,
    ),
  );

let gpu: Gpu;
let counter: GpuCounter;
beforeAll(async () => {
  gpu = await sharedTestGpu();
  counter = new GpuCounter(gpu);
});

function adapted(lora: LoraConfig, options: Partial<BufferOptions> = {}, capacity = CAPACITY): Policy {
  return new Policy(gpu, model, tensors, capacity, { trainable: true, reference: true, lora, ...options });
}

async function merged(lora: LoraConfig): Promise<Policy> {
  const source = mergedSource(memorySource(tensors), { config: lora, tensors: drawn(lora) }, model);
  return new Policy(gpu, model, await readTensors(source), CAPACITY, { trainable: true, reference: false });
}

const flat = (parts: Float32Array[]): number[] => parts.flatMap((part) => [...part]);

describe.each([
  ['some modules of each projection', SOME],
  ['every linear layer, rank-stabilised', ALL],
])('an adapter of %s', (_, lora) => {
  test('scores and generates as the merged model does', async () => {
    const [policy, whole] = [adapted(lora), await merged(lora)];
    policy.loadAdapter(drawn(lora));
    const { logp } = await policy.score(sequences);
    expectClose('logp', flat(logp), flat((await whole.score(sequences)).logp), { atol: 1e-5, rtol: 1e-5 });
    expect(
      Math.max(...flat(logp).map((value, i) => Math.abs(value - (golden.logp[i] ?? 0)))),
    ).toBeGreaterThan(0.1);
    const prompts = golden.greedy.sequences.map(({ prompt }, id) => ({ id, tokens: prompt }));
    const greedy = { temperature: 0, top_k: 0, top_p: 1, max_new_tokens: 12, seed: 0, eos: [] };
    const completions = await policy.generate(prompts, greedy);
    const expected = await whole.generate(prompts, greedy);
    completions.forEach(({ tokens, logprobs }, i) => {
      expect(tokens).toEqual(expected[i]?.tokens);
      expectClose('logprobs', logprobs, expected[i]?.logprobs ?? [], { atol: 1e-4, rtol: 0 });
    });
    policy.destroy();
    whole.destroy();
  });

  test.each([
    ['one micro-batch', {}, CAPACITY],
    ['several', {}, { ...CAPACITY, tokens: 40, context: 40 }],
    ['one, with activations computed again', { checkpointing: true }, CAPACITY],
  ])('has the gradients of the chain rule, in %s', async (_, options, capacity) => {
    const [policy, whole] = [adapted(lora, options, capacity), await merged(lora)];
    const adapter = drawn(lora);
    policy.loadAdapter(adapter);
    const found = await policy.gradients(sequences, sftObjective, constants(), {});
    const dweights = await whole.gradients(sequences, sftObjective, constants(), {});
    expect([...found.keys()].sort()).toEqual([...adapter.keys(), 'v_head.weight', 'v_head.bias'].sort());
    for (const module of lora.modules) {
      const { a, b } = loraNames(module);
      const dW = dweights.get(`${module}.weight`);
      const expected = chainRule(dW, adapter.get(a), adapter.get(b), loraScale(lora));
      expectClose(a, found.get(a)?.data ?? [], expected.dA, { atol: 1e-5, rtol: 1e-3 });
      expectClose(b, found.get(b)?.data ?? [], expected.dB, { atol: 1e-5, rtol: 1e-3 });
    }
    // Nothing is left of them for the next step.
    expect(await policy.gradients(sequences, sftObjective, constants(), {})).toEqual(found);
    policy.destroy();
    whole.destroy();
  });
});

test('training moves the adapter and nothing else, π_ref stays, and twice gives the same bits', async () => {
  const runs: unknown[] = [];
  for (let run = 0; run < 2; run++) {
    const policy = adapted(SOME);
    policy.loadAdapter(drawn(SOME));
    const reference = policy.freezeReference();
    const before = await reference.logprobs(sequences);
    expect(before).toEqual((await policy.score(sequences)).logp);
    const losses: number[] = [];
    for (let step = 0; step < 4; step++) {
      const { sums } = await policy.train(sequences, sftObjective, constants(), {}, SETTINGS);
      losses.push(sums[0] ?? Number.NaN);
    }
    expect(losses.every((loss, i) => i === 0 || loss < (losses[i - 1] ?? 0))).toBe(true);
    expect(await reference.logprobs(sequences)).toEqual(before);
    const { tensors: moments, updates } = await policy.saveOptimizer();
    expect(updates).toBe(4);
    expect(moments.size).toBe(2 * (2 * SOME.modules.length + 2));
    const saved = await policy.saveAdapter();
    for (const [name, tensor] of drawn(SOME)) expect(saved.get(name)).not.toEqual(tensor);
    // Loaded again, it says the same: what products read follows what is kept.
    const { logp } = await policy.score(sequences);
    policy.loadAdapter(saved);
    expect((await policy.score(sequences)).logp).toEqual(logp);
    runs.push(saved);
    policy.destroy();
  }
  expect(runs[1]).toEqual(runs[0]);
});

test('with B = 0 it is the model, bit for bit, and so is π_ref beside a trained adapter, without its products', async () => {
  const dispatches = async (scoring: Promise<unknown>): Promise<number> => {
    counter.take();
    await scoring;
    return counter.take().dispatches;
  };
  const plain = new Policy(gpu, model, tensors, CAPACITY, { trainable: false, reference: false });
  const { logp } = await plain.score(sequences);
  const bare = await dispatches(plain.score(sequences));
  const policy = adapted(ALL);
  policy.loadAdapter(new Map([...drawn(ALL)].map(([name, tensor]) => [name, zeroB(name, tensor)])));
  expect((await policy.score(sequences)).logp).toEqual(logp);
  const reference = policy.freezeReference();
  await policy.train(sequences, sftObjective, constants(), {}, SETTINGS);
  expect(await reference.logprobs(sequences)).toEqual(logp);
  expect((await policy.score(sequences)).logp).not.toEqual(logp);
  // Two products beside each of four projections; a reference has no values.
  const products = 8 * model.num_hidden_layers;
  expect(await dispatches(policy.score(sequences))).toBe(bare + products);
  expect(await dispatches(reference.logprobs(sequences))).toBe(bare - 1);
  expect(await dispatches(policy.freezeReference().logprobs(sequences))).toBe(bare + products - 1);
  plain.destroy();
  policy.destroy();
});

test('takes exactly the planned bytes, and moments of the adapter alone', () => {
  counter.take();
  const policy = adapted(SOME);
  const sum = Object.values(policy.bytes).reduce((a, b) => a + b, 0);
  expect(counter.take().bytes).toBe(sum);
  const { adapter = 0, weights = 0, 'reference weights': reference, moments = 0 } = policy.bytes;
  expect(adapter).toBeGreaterThan(0);
  expect(reference).toBe(adapter);
  expect(moments).toBeLessThan(2 * adapter + 4096);
  const whole = new Policy(gpu, model, tensors, CAPACITY, { trainable: true, reference: true });
  expect(weights).toBe(whole.bytes['weights']);
  expect(whole.bytes['adapter']).toBe(0);
  whole.destroy();
  policy.destroy();
});

test('merged and taken out again, the weights are what they were but for rounding', async () => {
  const adapter = { config: SOME, tensors: drawn(SOME) };
  const there = mergedSource(memorySource(tensors), adapter, model);
  const back = await readTensors(mergedSource(there, adapter, model, -1));
  const name = 'model.layers.1.self_attn.v_proj.weight';
  expect(await there.read(name)).not.toEqual(tensors.get(name)?.data);
  expect(await there.read(name, 3, 2)).toEqual((await there.read(name)).slice(3 * 32, 5 * 32));
  for (const [key, { data }] of tensors)
    expectClose(key, back.get(key)?.data ?? [], data, { atol: 2e-7, rtol: 2e-7 });
});

test('an adapter of another model is refused in a sentence', () => {
  expect(() => adapted({ ...SOME, modules: ['model.layers.9.self_attn.q_proj'] })).toThrow(
    /model\.layers\.9\.self_attn\.q_proj, which this model does not have/,
  );
  const policy = adapted(SOME);
  const wrong = drawn(SOME);
  const [name] = wrong.keys();
  wrong.set(name ?? '', { shape: [3, 5], data: new Float32Array(15) });
  expect(() => policy.loadAdapter(wrong)).toThrow(/has shape \[3, 5\]; this model needs \[3, 32\]/);
  policy.destroy();
  // Merged it would change nothing, or anything.
  const others = { ...SOME, modules: ['transformer.h.0.attn.c_attn'] };
  const merge = (config: LoraConfig, tensors: ReadonlyMap<string, NamedTensor>) =>
    mergedSource(memorySource(new Map()), { config, tensors }, model);
  expect(() => merge(others, drawn(SOME))).toThrow(/c_attn, which this model does not have/);
  expect(() => merge(SOME, wrong)).toThrow(/has shape \[3, 5\]; this model needs \[3, 32\]/);
});

function zeroB(name: string, tensor: NamedTensor): NamedTensor {
  return name.includes('lora_B') ? { ...tensor, data: new Float32Array(tensor.data.length) } : tensor;
}

/** dA (r,in) = s Bᵀ dW and dB (out,r) = s dW Aᵀ in f64. */
function chainRule(
  dW: NamedTensor | undefined,
  A: NamedTensor | undefined,
  B: NamedTensor | undefined,
  scale: number,
): { dA: Float64Array; dB: Float64Array } {
  if (!dW || !A || !B) throw new Error('a module lacks its gradient');
  const [out = 0, inp = 0] = dW.shape;
  const r = A.shape[0] ?? 0;
  const [dA, dB] = [new Float64Array(r * inp), new Float64Array(out * r)];
  for (let o = 0; o < out; o++)
    for (let j = 0; j < r; j++)
      for (let i = 0; i < inp; i++) {
        const gradient = scale * dW.data[o * inp + i]!;
        dA[j * inp + i]! += gradient * B.data[o * r + j]!;
        dB[o * r + j]! += gradient * A.data[j * inp + i]!;
      }
  return { dA, dB };
}
