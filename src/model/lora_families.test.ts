import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Gpu } from '../gpu/device';
import { sharedTestGpu } from '../gpu/testing';
import { expectClose } from '../kernels/compare';
import { sftObjective } from '../kernels/objectives';
import type { Capacity } from './activations';
import { expectGradients, flat, readGolden, sftConstants, type Golden } from './goldens/testing';
import { mergedSource } from './lora_merge';
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, adapterFiles, readAdapter, type Adapter } from './peft';
import { Policy } from './policy';
import { readSafetensors } from './safetensors';
import { memorySource, readTensors, type NamedTensor } from './tensor_source';

// Oracle: peft and torch.optim.AdamW, by tools/goldens/families.py: an adapter as peft saves it, B far from zero.
const FAMILIES = ['llama_gqa_untied', 'llama_3_2', 'qwen2', 'qwen3', 'gpt2', 'gpt_neox', 'gemma3', 'opt'];
const CAPACITY: Capacity = { tokens: 64, sequences: 8, context: 64, slots: 8, chunk: 64 };
const SPLIT: Capacity = { ...CAPACITY, tokens: 40, context: 40, chunk: 16 };

interface LoraGolden {
  golden: Golden;
  files: Record<string, Uint8Array>;
  adapter: Adapter;
  logp: number[];
  adamw: Golden['sft']['adamw'];
  greedy: Golden['greedy'];
  gradients: Map<string, NamedTensor>;
}

function readLora(name: string): LoraGolden {
  const file = (path: string): Uint8Array =>
    new Uint8Array(readFileSync(join(import.meta.dirname, 'goldens', name, 'lora', path)));
  const json = JSON.parse(new TextDecoder().decode(file('golden.json'))) as Pick<
    LoraGolden,
    'logp' | 'adamw' | 'greedy'
  >;
  const files = Object.fromEntries([ADAPTER_CONFIG, ADAPTER_WEIGHTS].map((path) => [path, file(path)]));
  const gradients = readSafetensors(file('gradients.safetensors'));
  return { ...json, golden: readGolden(name), files, adapter: readAdapter(files), gradients };
}

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedTestGpu();
});

function adapted({ golden, adapter }: LoraGolden, capacity = CAPACITY, checkpointing = false): Policy {
  const options = { trainable: true, reference: false, checkpointing, lora: adapter.config };
  const policy = new Policy(gpu, golden.config, golden.tensors, capacity, options);
  policy.loadAdapter(adapter.tensors);
  return policy;
}

describe.each(FAMILIES)('LoRA on %s against peft', (name) => {
  const lora = readLora(name);
  const { golden, adapter } = lora;

  test('log-probs of the packed batch and greedy generation, beside the weights and merged into them', async () => {
    const merged = mergedSource(memorySource(golden.tensors), adapter, golden.config);
    const whole = new Policy(gpu, golden.config, await readTensors(merged), CAPACITY, {
      trainable: false,
      reference: false,
    });
    const { sequences, max_new_tokens } = lora.greedy;
    const prompts = sequences.map(({ prompt }, id) => ({ id, tokens: prompt }));
    for (const policy of [adapted(lora), whole]) {
      const { logp } = await policy.score(golden.sequences);
      expectClose('logp', flat(logp), lora.logp, { atol: 1e-4, rtol: 0 });
      const greedy = { temperature: 0, top_k: 0, top_p: 1, max_new_tokens, seed: 0, eos: [] };
      const completions = await policy.generate(prompts, greedy);
      expect(completions.map(({ tokens }) => tokens)).toEqual(sequences.map(({ completion }) => completion));
      policy.destroy();
    }
  });

  test.each([
    ['one micro-batch', CAPACITY, false],
    ['several, with checkpointing', SPLIT, true],
  ])('every gradient by name in %s', async (_, capacity, checkpointing) => {
    const policy = adapted(lora, capacity, checkpointing);
    const gradients = await policy.gradients(golden.sequences, sftObjective, sftConstants(golden), {});
    expectGradients(gradients, lora.gradients, '');
    policy.destroy();
  });

  test('ten AdamW losses', async () => {
    const policy = adapted(lora);
    const { learning_rate, weight_decay, max_grad_norm, losses, grad_norms } = lora.adamw;
    const settings = { learning_rate, weight_decay, max_grad_norm };
    const [found, norms]: [number[], number[]] = [[], []];
    while (found.length < losses.length) {
      const result = await policy.train(golden.sequences, sftObjective, sftConstants(golden), {}, settings);
      found.push(result.sums[0] ?? Number.NaN);
      norms.push(result.grad_norm);
    }
    expectClose('loss', found, losses, { atol: 1e-4, rtol: 0 });
    expectClose('grad_norm', norms, grad_norms, { atol: 1e-3, rtol: 1e-3 });
    policy.destroy();
  });

  test('read, put on the GPU, taken back and written: the tensors of peft’s file, byte for byte', async () => {
    const policy = adapted(lora);
    const saved = [...(await policy.saveAdapter())].filter(([key]) => !key.startsWith('v_head.'));
    const again = adapterFiles({ ...adapter, tensors: new Map(saved) });
    expect(readSafetensors(again[ADAPTER_WEIGHTS] ?? new Uint8Array())).toEqual(new Map(adapter.tensors));
    expect(again[ADAPTER_WEIGHTS]).toEqual(lora.files[ADAPTER_WEIGHTS]);
    policy.destroy();
  });
});
