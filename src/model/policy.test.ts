import { beforeAll, describe, expect, test } from 'vitest';
import { GpuCounter } from '../gpu/counting';
import type { Gpu } from '../gpu/device';
import { openTestGpu, sharedTestGpu } from '../gpu/testing';
import { expectClose } from '../kernels/compare';
import { ppoClipObjective, sftObjective } from '../kernels/objectives';
import type { Capacity } from './activations';
import { expectGradients, flat, readGolden, sftConstants, type Golden } from './goldens/testing';
import { Policy } from './policy';

// What every family does alike is in families.test.ts.
const CAPACITY: Capacity = { tokens: 64, sequences: 8, context: 64, slots: 8, chunk: 64 };

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedTestGpu();
});

function makePolicy(golden: Golden, capacity = CAPACITY, on = gpu): Policy {
  return new Policy(on, golden.config, golden.tensors, capacity, { trainable: true, reference: true });
}

describe.each(['llama_gqa_untied', 'llama_mqa_tied'])('%s against transformers', (name) => {
  const golden = readGolden(name);

  test('every gradient where products are split over k, in exactly the planned bytes', async () => {
    const splitting = await openTestGpu({ defaultLimits: true });
    splitting.split = { tile: 16, workgroups: 64, depth: 16 };
    const counter = new GpuCounter(splitting);
    const policy = makePolicy(golden, CAPACITY, splitting);
    const whole = makePolicy(golden);
    const sum = (bytes: Record<string, number>): number => Object.values(bytes).reduce((a, b) => a + b, 0);
    expect(counter.take().bytes).toBe(sum(policy.bytes));
    expect(policy.bytes['activations']).toBeGreaterThan(whole.bytes['activations'] ?? Infinity);
    const of = async (one: Policy) => one.gradients(golden.sequences, sftObjective, sftConstants(golden), {});
    const gradients = await of(policy);
    expectGradients(gradients, golden.arrays, 'sft_gradient.');
    expect(await of(policy)).toEqual(gradients);
    // Split they are: other sums, other bits.
    expect(await of(whole)).not.toEqual(gradients);
    policy.destroy();
    whole.destroy();
    splitting.close();
  });

  test('sampling: same seed, same bits, whatever the batch; agrees with the training forward', async () => {
    const policy = makePolicy(golden);
    const small = makePolicy(golden, { ...CAPACITY, slots: 3 });
    const prompts = Array.from({ length: 11 }, (_, id) => ({
      id,
      tokens: [3 + id, 5, 7 + (id % 3)].slice(0, 1 + (id % 3)),
    }));
    const sampling = { temperature: 1, top_k: 0, top_p: 1, max_new_tokens: 24, seed: 9, eos: [2] };
    const first = await policy.generate(prompts, sampling);
    expect(await policy.generate(prompts, sampling)).toEqual(first);
    const heard: unknown[] = [];
    const onFinished = (completion: unknown, index: number) => (heard[index] = completion);
    expect(await small.generate(prompts, sampling, { onFinished })).toEqual(first);
    expect(heard).toEqual(first);
    expect(await policy.generate(prompts, { ...sampling, seed: 10 })).not.toEqual(first);
    const { logp } = await policy.score(
      prompts.map(({ tokens }, i) => ({
        tokens: [...tokens, ...(first[i]?.tokens ?? [])],
        promptLength: tokens.length,
      })),
    );
    first.forEach(({ logprobs }, i) =>
      expectClose('logprobs', logprobs, logp[i] ?? [], { atol: 1e-3, rtol: 0 }),
    );
    policy.destroy();
    small.destroy();
  });

  test('a prompt that leaves no room in the context is refused in a sentence', async () => {
    const policy = makePolicy(golden);
    const greedy = { temperature: 0, top_k: 0, top_p: 1, max_new_tokens: 4, seed: 0, eos: [] };
    const long = Array.from({ length: 64 }, () => 3);
    await expect(policy.generate([{ id: 0, tokens: long }], greedy)).rejects.toThrow(
      /64 tokens leaves no room/,
    );
    await expect(policy.score([{ tokens: [...long, 3], promptLength: 3 }])).rejects.toThrow(
      /65 tokens does not fit/,
    );
    policy.destroy();
  });

  test('π_ref stays as it was frozen; training twice from the same state gives the same bits', async () => {
    const runs: number[][] = [];
    for (let run = 0; run < 2; run++) {
      const policy = makePolicy(golden);
      const reference = policy.freezeReference();
      const before = await reference.logprobs(golden.sequences);
      for (let step = 0; step < 2; step++) {
        await policy.train(
          golden.sequences,
          sftObjective,
          sftConstants(golden),
          {},
          { learning_rate: 1e-2, weight_decay: 0, max_grad_norm: 1 },
        );
      }
      expect(await reference.logprobs(golden.sequences)).toEqual(before);
      const after = (await policy.score(golden.sequences)).logp.flatMap((part) => [...part]);
      expect(after).not.toEqual(before.flatMap((part) => [...part]));
      runs.push(after);
      policy.destroy();
    }
    expect(runs[1]).toEqual(runs[0]);
  });
});

describe('PPO with a value head against PyTorch autograd', () => {
  const golden = readGolden('llama_gqa_untied');
  const ppo = golden.ppo;
  if (!ppo) throw new Error('the golden has no ppo part: run tools/goldens/llama.py');
  let at = 0;
  const constants = golden.sequences.map(({ tokens, promptLength }) => {
    const part = new Float32Array((tokens.length - promptLength) * 8);
    for (let t = 0; t < tokens.length - promptLength; t++, at++) {
      const columns = [
        ppo.logp_old,
        ppo.advantage,
        ppo.return,
        ppo.value_old,
        ppo.weight,
        ppo.weight,
        ppo.logp_old,
      ];
      part.set(
        columns.map((column) => column[at] ?? Number.NaN),
        t * 8,
      );
    }
    return part;
  });
  const { cliprange, cliprange_value, vf_coef } = ppo;
  const coefficients = { cliprange, cliprange_value, vf_coef, entropy_coef: 0, kl_loss_coef: 0 };

  test('values, losses and every gradient', async () => {
    const policy = makePolicy(golden);
    const { value } = await policy.score(golden.sequences);
    expectClose('value', flat(value), ppo.value, { atol: 1e-5, rtol: 1e-5 });
    const gradients = await policy.gradients(golden.sequences, ppoClipObjective, constants, coefficients);
    expectGradients(gradients, golden.arrays, 'ppo_gradient.');
    policy.destroy();
  });

  test('three AdamW steps', async () => {
    const policy = makePolicy(golden);
    const { learning_rate, weight_decay, max_grad_norm, losses } = ppo.adamw;
    const found: number[] = [];
    for (let step = 0; step < losses.length; step++) {
      const { sums } = await policy.train(golden.sequences, ppoClipObjective, constants, coefficients, {
        learning_rate,
        weight_decay,
        max_grad_norm,
      });
      if (step === 0) {
        expectClose('policy_loss', [sums[0] ?? NaN], [ppo.policy_loss], { atol: 1e-5, rtol: 1e-5 });
        expectClose('value_loss', [sums[1] ?? NaN], [ppo.value_loss], { atol: 1e-5, rtol: 1e-5 });
      }
      found.push((sums[0] ?? NaN) + vf_coef * (sums[1] ?? NaN));
    }
    expectClose('total loss', found, losses, { atol: 1e-4, rtol: 1e-4 });
    policy.destroy();
  });
});
