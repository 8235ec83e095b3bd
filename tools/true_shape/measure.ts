import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileSource } from '../../src/cli/files';
import { GpuCounter } from '../../src/gpu/counting';
import type { Gpu } from '../../src/gpu/device';
import { CONSTANTS } from '../../src/model/activations';
import { openModelFolder } from '../../src/model/folder';
import { Policy } from '../../src/model/policy';
import { sftObjective } from '../../src/kernels/objectives';
import type { Storage } from '../../src/kernels/quantize';
import { everyModule, freshAdapter } from '../../src/recipes/adapter';
import { fit } from '../../src/recipes/fit';

/** What is asked of the model. */
export interface Work {
  /** Of the adapter beside every projection; 0: every weight is trained. */
  rank: number;
  /** How frozen projections are stored. */
  weights: Storage;
  /** Updates, and tokens of each, in two sequences. */
  steps: number;
  tokens: number;
  /** Greedy, after the updates. */
  newTokens: number;
}

/** Seconds of everything, the loss a token of each update, and the bytes of all buffers: planned, and made. */
export interface Measured {
  loading: number;
  steps: number[];
  losses: number[];
  generating: number;
  generated: number[];
  planned: number;
  made: number;
}

/** Tokens that generation begins with. */
const PROMPT = 16;
const SETTINGS = { learning_rate: 1e-3, weight_decay: 0, max_grad_norm: 1 };
const FILES = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'];

/** Opens a model folder, trains and generates, on buffers that fit the GPU's limits. Errors: throws where none do. */
export async function measureTrueShape(gpu: Gpu, folder: string, work: Work): Promise<Measured> {
  const here = FILES.map((name) => join(folder, name)).filter((path) => existsSync(path));
  const files = Object.fromEntries(here.map((path) => [path.slice(folder.length + 1), fileSource(path)]));
  const { config, weights } = await openModelFolder('true shape', files);
  const lora = work.rank ? everyModule(config, work.rank) : undefined;
  const options = {
    trainable: true,
    reference: false,
    lora,
    weights: lora ? work.weights : ('f32' as const),
  };
  const length = work.tokens / 2;
  const context = Math.max(length, PROMPT + work.newTokens);
  const demand = { config, context, batch: 2, sequences: 2, options };
  const fitting = fit(gpu, demand, Infinity);
  if (!fitting) throw new Error('no buffers fit this GPU');
  const counter = new GpuCounter(gpu);

  const clock = stopwatch();
  const policy = await Policy.open(gpu, config, weights, fitting.capacity, options);
  if (lora) policy.loadAdapter(freshAdapter(config, lora, 1));
  await gpu.idle();
  const loading = clock();

  const sequences = [0, 1].map((b) => ({ tokens: someTokens(length, b), promptLength: 1 }));
  const rows = 2 * (length - 1);
  const constants = sequences.map(() =>
    Float32Array.from({ length: (length - 1) * CONSTANTS }, (_, i) => (i % CONSTANTS ? 0 : 1 / rows)),
  );
  const [steps, losses]: [number[], number[]] = [[], []];
  for (let step = 0; step < work.steps; step++) {
    const { sums } = await policy.train(sequences, sftObjective, constants, {}, SETTINGS);
    steps.push(clock());
    losses.push(sums[0] ?? Number.NaN);
  }
  const sampling = { temperature: 0, top_k: 0, top_p: 1, max_new_tokens: work.newTokens, seed: 1, eos: [] };
  const [completion] = await policy.generate([{ tokens: someTokens(PROMPT, 2), id: 0 }], sampling);
  const generating = clock();
  const made = counter.liveBytes;
  policy.destroy();
  return {
    loading,
    steps,
    losses,
    generating,
    generated: completion?.tokens ?? [],
    planned: fitting.totalBytes,
    made,
  };
}

const someTokens = (count: number, seed: number): number[] =>
  Array.from({ length: count }, (_, i) => (i * 7919 + seed * 104_729) % 49_152);

/** Seconds since the last call. */
function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const before = last;
    last = performance.now();
    return (last - before) / 1000;
  };
}
