import { beforeAll, describe, expect, test } from 'vitest';
import { GpuCounter } from '../gpu/counting';
import type { Gpu } from '../gpu/device';
import { sharedTestGpu } from '../gpu/testing';
import { expectClose } from '../kernels/compare';
import { sftObjective } from '../kernels/objectives';
import type { Capacity } from './activations';
import { familyOf } from './families';
import { expectGradients, flat, readGolden, sftConstants, type Golden } from './goldens/testing';
import { Parameters, VALUE_HEAD_BIAS, VALUE_HEAD_WEIGHT } from './parameters';
import { Policy } from './policy';

// Oracle: transformers and torch.optim.AdamW, by tools/goldens/families.py and llama.py.
const FAMILIES = [
  'llama_gqa_untied',
  'llama_mqa_tied',
  'llama_3_2',
  'qwen2',
  'gpt2',
  'gpt_neox',
  'gpt_neox_sequential',
  'qwen3',
  'mistral',
  'qwen2_long',
  'gemma2',
  'gemma3',
  'gemma3_wide_heads',
  'opt',
  'galactica',
];
const CAPACITY: Capacity = { tokens: 64, sequences: 8, context: 64, slots: 8, chunk: 64 };
/** Small enough that the batch becomes two micro-batches and the LM head several chunks. */
const SPLIT: Capacity = { ...CAPACITY, tokens: 40, context: 40, chunk: 16 };
/** Dispatches a layer in decoding; of those left out 6. */
const DISPATCHES: Readonly<Record<string, number>> = {
  qwen3: 7,
  gpt2: 8,
  opt: 8,
  galactica: 8,
  gpt_neox: 8,
  gpt_neox_sequential: 8,
  gemma2: 8,
  gemma3: 9,
  gemma3_wide_heads: 9,
};
const GREEDY = { temperature: 0, top_k: 0, top_p: 1, seed: 0, eos: [] };

let gpu: Gpu;
let counter: GpuCounter;
beforeAll(async () => {
  gpu = await sharedTestGpu();
  counter = new GpuCounter(gpu);
});

function makePolicy({ config, tensors }: Golden, capacity = CAPACITY, checkpointing = false): Policy {
  return new Policy(gpu, config, tensors, capacity, { trainable: true, reference: false, checkpointing });
}

describe.each(FAMILIES)('%s against transformers', (name) => {
  const read = (): Golden => readGolden(name);

  test('logits at every position, log-probs and entropies of the packed batch', async () => {
    const golden = read();
    const policy = makePolicy(golden);
    const logits = flat(await policy.logits(golden.sequences));
    expectClose('logits', logits, golden.arrays.get('logits')?.data ?? [], { atol: 1e-4, rtol: 0 });
    const { logp, entropy } = await policy.score(golden.sequences);
    expectClose('logp', flat(logp), golden.logp, { atol: 1e-4, rtol: 0 });
    expectClose('entropy', flat(entropy), golden.entropy, { atol: 1e-4, rtol: 0 });
    policy.destroy();
  });

  test.each([
    ['one micro-batch', CAPACITY, false],
    ['several, with checkpointing', SPLIT, true],
  ])('every gradient by name in %s', async (_, capacity, checkpointing) => {
    const golden = read();
    const policy = makePolicy(golden, capacity, checkpointing);
    const gradients = await policy.gradients(golden.sequences, sftObjective, sftConstants(golden), {});
    expectGradients(gradients, golden.arrays, 'sft_gradient.');
    policy.destroy();
  });

  test('ten AdamW losses', async () => {
    const golden = read();
    const policy = makePolicy(golden);
    const { learning_rate, weight_decay, max_grad_norm, losses, grad_norms } = golden.sft.adamw;
    const settings = { learning_rate, weight_decay, max_grad_norm };
    const found: number[] = [];
    const norms: number[] = [];
    while (found.length < losses.length) {
      const { sums, grad_norm } = await policy.train(
        golden.sequences,
        sftObjective,
        sftConstants(golden),
        {},
        settings,
      );
      found.push(sums[0] ?? Number.NaN);
      norms.push(grad_norm);
    }
    expectClose('loss', found, losses, { atol: 1e-4, rtol: 0 });
    expectClose('grad_norm', norms, grad_norms, { atol: 1e-3, rtol: 1e-3 });
    policy.destroy();
  });

  test('greedy generation token for token, and its log-probs against the training forward', async () => {
    const golden = read();
    const policy = makePolicy(golden);
    const { sequences, max_new_tokens } = golden.greedy;
    const prompts = sequences.map(({ prompt }, id) => ({ id, tokens: prompt }));
    const completions = await policy.generate(prompts, { ...GREEDY, max_new_tokens });
    expect(completions.map(({ tokens }) => tokens)).toEqual(sequences.map(({ completion }) => completion));
    const { logp } = await policy.score(
      sequences.map(({ prompt, completion }) => ({
        tokens: [...prompt, ...completion],
        promptLength: prompt.length,
      })),
    );
    completions.forEach(({ logprobs }, i) =>
      expectClose('logprobs', logprobs, logp[i] ?? [], { atol: 1e-4, rtol: 0 }),
    );
    policy.destroy();
  });

  test('decodes in few dispatches a layer, and makes no GPU object while it does', async () => {
    const { config, greedy } = read();
    const counts: number[] = [];
    for (const num_hidden_layers of [1, 2]) {
      const shallow = { ...config, num_hidden_layers };
      const tensors = new Parameters('made up', shallow).fill((i) => 0.1 * Math.sin(i));
      const policy = makePolicy({ ...read(), config: shallow, tensors });
      const prompts = [{ id: 0, tokens: greedy.sequences[0]?.prompt ?? [] }];
      const generate = async (max_new_tokens: number) => {
        counter.take();
        await policy.generate(prompts, { ...GREEDY, max_new_tokens });
        return counter.take();
      };
      const [short, long] = [await generate(16), await generate(48)];
      expect(long.objects).toBe(0);
      counts.push((long.dispatches - short.dispatches) / 32);
      policy.destroy();
    }
    const [one = 0, two = 0] = counts;
    expect(two - one).toBe(DISPATCHES[name] ?? 6);
  });

  test('takes exactly the bytes of its plan', () => {
    counter.take();
    const policy = makePolicy(read(), SPLIT, true);
    expect(counter.take().bytes).toBe(Object.values(policy.bytes).reduce((a, b) => a + b, 0));
    policy.destroy();
  });

  test('saved as it was read, bit for bit, by the names of its file', async () => {
    const golden = read();
    const policy = makePolicy(golden);
    const saved = await policy.save();
    for (const key of [VALUE_HEAD_WEIGHT, VALUE_HEAD_BIAS]) {
      saved.delete(key);
      golden.tensors.delete(key);
    }
    expect([...saved.keys()].sort()).toEqual([...golden.tensors.keys()].sort());
    for (const [key, tensor] of golden.tensors) expect(saved.get(key), key).toEqual(tensor);
    policy.destroy();
  });

  test('its config.json is understood as transformers writes it again', () => {
    const { config, resaved } = read();
    if (resaved) expect(resaved).toEqual(config);
    else expect(name).toMatch(/^llama_(gqa|mqa)/);
  });

  test('its file is read without the base model’s prefix, and beside tensors that are not the model’s', async () => {
    const golden = read();
    const { base } = familyOf(golden.config).tensors;
    const tensors = new Map([...golden.tensors].map(([key, tensor]) => [key.replace(base, ''), tensor]));
    tensors.set('h.0.attn.masked_bias', { shape: [], data: Float32Array.of(-1e4) });
    const policy = makePolicy({ ...golden, tensors });
    const { logp } = await policy.score(golden.sequences);
    expectClose('logp', flat(logp), golden.logp, { atol: 1e-4, rtol: 0 });
    policy.destroy();
  });
});
