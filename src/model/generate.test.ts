import { beforeAll, expect, test } from 'vitest';
import { GpuCounter } from '../gpu/counting';
import type { Gpu } from '../gpu/device';
import { sharedTestGpu } from '../gpu/testing';
import { testNumbers } from '../kernels/case_numbers';
import { expectClose } from '../kernels/compare';
import type { Capacity } from './activations';
import type { Sampling } from './generate';
import { readGolden } from './goldens/testing';
import { AdapterParameters, adaptableModules } from './lora';
import type { LoraConfig } from './peft';
import { Policy } from './policy';

const golden = readGolden('llama_gqa_untied');
const CAPACITY: Capacity = { tokens: 64, sequences: 8, context: 64, slots: 8, chunk: 64 };
const sampling: Sampling = { temperature: 1, top_k: 0, top_p: 1, max_new_tokens: 48, seed: 9, eos: [] };

let gpu: Gpu;
let counter: GpuCounter;
beforeAll(async () => {
  gpu = await sharedTestGpu();
  counter = new GpuCounter(gpu);
});

const makePolicy = (capacity = CAPACITY): Policy =>
  new Policy(gpu, golden.config, golden.tensors, capacity, { trainable: false, reference: false });

/** Every module adapted: what a projection reads and adds is then the most there is, biases among it. */
function makeAdapted(capacity = CAPACITY): Policy {
  const { config, tensors } = readGolden('qwen2');
  const lora: LoraConfig = { rank: 2, alpha: 4, rslora: false, modules: adaptableModules(config) };
  const policy = new Policy(gpu, config, tensors, capacity, { trainable: false, reference: false, lora });
  const { shapes } = new AdapterParameters('made up', config, lora);
  policy.loadAdapter(
    new Map(
      [...shapes].map(([name, shape], t) => [
        name,
        { shape: [...shape], data: testNumbers((shape[0] ?? 0) * (shape[1] ?? 0), t, 0.5) },
      ]),
    ),
  );
  return policy;
}

const KINDS = [
  ['Llama', makePolicy, 6],
  ['Qwen 2 with adapters', makeAdapted, 10],
] as const;

test.each(KINDS)(
  'steady decoding of %s: no GPU object, no blocking readback, one submit for 16 steps, few dispatches',
  async (_, make, perLayer) => {
    const policy = make();
    const prompts = Array.from({ length: 8 }, (_, id) => ({ id, tokens: [3 + id] }));
    await policy.generate(prompts, sampling);
    let blocking = Infinity;
    let looks: ReturnType<GpuCounter['take']>[] = [];
    // Where the machine stops this process for a while the GPU runs dry, too: the best of a few generations counts.
    for (let run = 0; run < 5 && blocking > 1; run++) {
      counter.take();
      looks = [];
      // One-token prompts are not prefilled: all that is counted is decoding.
      await policy.generate(prompts, sampling, { onProgress: () => void looks.push(counter.take()) });
      // 48 tokens are three bursts; before the first look two are submitted, before the last none is left to submit.
      expect(looks.map(({ submits }) => submits)).toEqual([2, 1, 0]);
      expect(looks.map(({ objects }) => objects)).toEqual([0, 0, 0]);
      blocking = looks.reduce((sum, look) => sum + look.blockingReadbacks + look.waits, 0);
    }
    // Only behind the last read is there nothing left to do.
    expect(blocking).toBe(1);
    const dispatches = looks.reduce((sum, look) => sum + look.dispatches, 0);
    // Embedding, last norm, head and choice are beside the layers.
    const layers = golden.config.num_hidden_layers;
    expect(dispatches / 48).toBe(perLayer * layers + 4);
    policy.destroy();
  },
);

test.each(KINDS)(
  'the samples of a prompt to %s are the ones it gets alone, whatever kernels so many rows take',
  async (_, make) => {
    const policy = make({ ...CAPACITY, slots: 40 });
    const few = { ...sampling, max_new_tokens: 20, eos: [2] };
    const prompts = Array.from({ length: 45 }, (_, id) => ({ id, tokens: [4, 5, 6, 7, 8, 9 + (id % 2)] }));
    const together = await policy.generate(prompts, few);
    expect(new Set(together.map(({ tokens }) => tokens.join())).size).toBeGreaterThan(30);
    for (const size of [1, 2, 9, 17]) {
      for (let first = 0; first < prompts.length; first += 11) {
        const part = await policy.generate(prompts.slice(first, first + size), few);
        expect(part).toEqual(together.slice(first, first + size));
      }
    }
    policy.destroy();
  },
);

test('top_k and top_p choose from the logits what the head chooses without them', async () => {
  const policy = makePolicy();
  const prompts = Array.from({ length: 9 }, (_, id) => ({ id, tokens: [3 + id, 4, 5] }));
  const drawn = await policy.generate(prompts, sampling);
  const greedy = await policy.generate(prompts, { ...sampling, temperature: 0 });
  const tokens = (completions: readonly { tokens: number[] }[]) => completions.map((one) => one.tokens);
  // A top_k of the whole vocabulary leaves nothing out; of 1, and a tiny top_p, only the most likely token.
  const whole = await policy.generate(prompts, { ...sampling, top_k: golden.config.vocab_size });
  expect(tokens(whole)).toEqual(tokens(drawn));
  whole.forEach(({ logprobs }, i) =>
    expectClose('logprobs', logprobs, drawn[i]?.logprobs ?? [], { atol: 1e-4, rtol: 0 }),
  );
  expect(tokens(await policy.generate(prompts, { ...sampling, top_k: 1 }))).toEqual(tokens(greedy));
  expect(tokens(await policy.generate(prompts, { ...sampling, top_p: 1e-6 }))).toEqual(tokens(greedy));
  policy.destroy();
});

test('a caller that stops gets its error, and the next generation is as if nothing had been', async () => {
  const policy = makePolicy({ ...CAPACITY, slots: 2 });
  const prompts = Array.from({ length: 5 }, (_, id) => ({ id, tokens: [3 + id, 4] }));
  const expected = await policy.generate(prompts, sampling);
  const stop = (): never => {
    throw new Error('stopped');
  };
  await expect(policy.generate(prompts, sampling, { onProgress: stop })).rejects.toThrow('stopped');
  expect(await policy.generate(prompts, sampling)).toEqual(expected);
  policy.destroy();
});

test('long contexts: what is said beyond 512 tokens agrees with the training forward, whatever the batch', async () => {
  const policy = makePolicy({ tokens: 640, sequences: 8, context: 640, slots: 3, chunk: 64 });
  const prompts = [505, 3, 580].map((length, id) => ({
    id,
    tokens: Array.from({ length }, (_, t) => 3 + ((t * (5 + id)) % 40)),
  }));
  const together = await policy.generate(prompts, sampling);
  const scored = await policy.score(
    prompts.map(({ tokens }, i) => ({
      tokens: [...tokens, ...(together[i]?.tokens ?? [])],
      promptLength: tokens.length,
    })),
  );
  for (const [i, one] of prompts.entries()) {
    expect(together[i]?.tokens.length).toBe(48);
    expectClose('logprobs', together[i]?.logprobs ?? [], scored.logp[i] ?? [], { atol: 1e-3, rtol: 0 });
    expect(await policy.generate([one], sampling)).toEqual([together[i]]);
  }
  policy.destroy();
});
