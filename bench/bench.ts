/**
 * npm run bench: how fast the bundled models train, score and generate on the adapter at hand, where a training step's time
 * goes, and the bytes on the GPU. Figures with adapter and versions; `--json FILE` writes them, `--model nano|mini` picks one.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openNodeGpu } from '../src/cli/node_gpu';
import { openDataset } from '../src/data/open';
import { adapterName, openGpu, type Gpu } from '../src/gpu/device';
import { sftObjective } from '../src/kernels/objectives';
import type { Sequence } from '../src/model/batch';
import { openModelFolder } from '../src/model/folder';
import { Policy } from '../src/model/policy';
import { capacityFor } from '../src/recipes/plan_run';
import { promptOf, targetOf } from '../src/tasks/prompt';
import { encodeProblem, encodePrompt } from '../src/text/prompt';
import { VERSION } from '../src/version';

interface Figure {
  name: string;
  value: number;
  unit: string;
  samples: number;
}

const SAMPLES = 5;
const BATCH = 32;
const NEW_TOKENS = 48;
const LEVELS = { nano: 'easy', mini: 'standard' } as const;

const median = (values: number[]): number =>
  values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Median milliseconds of `SAMPLES` calls after one to warm up. */
async function time(work: () => Promise<unknown>): Promise<number> {
  await work();
  const samples: number[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    const started = performance.now();
    await work();
    samples.push(performance.now() - started);
  }
  return median(samples);
}

/** Counts the bytes of every buffer the device makes from now on: what the plan is held against. */
function countAllocations(gpu: Gpu): () => number {
  const create = gpu.device.createBuffer.bind(gpu.device);
  let bytes = 0;
  gpu.device.createBuffer = (descriptor) => {
    bytes += descriptor.size;
    return create(descriptor);
  };
  return () => bytes;
}

async function benchModel(gpu: Gpu, id: keyof typeof LEVELS): Promise<Figure[]> {
  const folder = join('public/models', id);
  const names = [
    'config.json',
    'tokenizer.json',
    'tokenizer_config.json',
    'generation_config.json',
    'model.safetensors',
  ];
  const files = Object.fromEntries(
    names
      .filter((name) => existsSync(join(folder, name)))
      .map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))]),
  );
  const model = await openModelFolder(id, files);
  const file = join('public/problems', LEVELS[id], 'train.jsonl');
  const { problems } = await openDataset(file, new Uint8Array(readFileSync(file)));
  const batch = problems.slice(0, BATCH);
  const sequences: Sequence[] = batch.map((problem) =>
    encodeProblem(model.tokenizer, promptOf(problem), targetOf(problem) ?? ''),
  );
  const prompts = batch.map((problem, i) => ({
    id: i,
    tokens: encodePrompt(model.tokenizer, promptOf(problem)),
  }));
  const context = Math.max(
    ...sequences.map(({ tokens }) => tokens.length),
    ...prompts.map(({ tokens }) => tokens.length + NEW_TOKENS),
  );
  const allocated = countAllocations(gpu);
  const policy = new Policy(gpu, model.config, model.tensors, capacityFor(model.config, context, BATCH), {
    trainable: true,
    reference: false,
  });

  const tokens = sequences.reduce((sum, s) => sum + s.tokens.length, 0);
  const M = sequences.reduce((sum, s) => sum + s.tokens.length - s.promptLength, 0);
  const constants = sequences.map((s) =>
    Float32Array.from({ length: (s.tokens.length - s.promptLength) * 8 }, (_, i) => (i % 8 ? 0 : 1 / M)),
  );
  const settings = { learning_rate: 0, weight_decay: 0, max_grad_norm: 1 };
  policy.stream.takeTimings();
  const train = await time(() => policy.train(sequences, sftObjective, constants, {}, settings));
  const gpuTrain = (policy.stream.takeTimings()['train'] ?? Number.NaN) / (SAMPLES + 1);
  const score = await time(() => policy.score(sequences));
  // No EOS, so that every completion has the same length.
  const sampling = { temperature: 1, top_k: 0, top_p: 1, max_new_tokens: NEW_TOKENS, seed: 0, eos: [] };
  const generate = await time(() => policy.generate(prompts, sampling));
  const single = await time(() => policy.generate(prompts.slice(0, 1), sampling));
  const bytes = Object.values(policy.bytes).reduce((sum, part) => sum + part, 0);
  policy.destroy();
  const figure = (name: string, value: number, unit: string): Figure => ({
    name: `${id}/${name}`,
    value,
    unit,
    samples: SAMPLES,
  });
  return [
    figure('train_step', train, 'ms'),
    figure('train_step_gpu', gpuTrain, 'ms'),
    figure('train', (tokens / train) * 1000, 'tokens/s'),
    figure('score', (tokens / score) * 1000, 'tokens/s'),
    figure(`generate_b${BATCH}`, ((BATCH * NEW_TOKENS) / generate) * 1000, 'tokens/s'),
    figure('generate_b1', (NEW_TOKENS / single) * 1000, 'tokens/s'),
    figure('gpu_bytes_planned', bytes / 2 ** 20, 'MiB'),
    figure('gpu_bytes_allocated', allocated() / 2 ** 20, 'MiB'),
  ];
}

const { values } = parseArgs({ options: { json: { type: 'string' }, model: { type: 'string' } } });
const gpu = await openGpu(await openNodeGpu());
const adapter = adapterName(gpu.facts);
console.log(`${adapter} · batch ${BATCH}, ${NEW_TOKENS} new tokens, median of ${SAMPLES}`);
const figures: Figure[] = [];
for (const id of ['nano', 'mini'] as const) {
  if (values.model !== undefined && values.model !== id) continue;
  for (const figure of await benchModel(gpu, id)) {
    figures.push(figure);
    console.log(`${figure.name.padEnd(28)} ${figure.value.toFixed(1).padStart(10)} ${figure.unit}`);
  }
}
if (values.json !== undefined) {
  const versions = { lab: VERSION, node: process.version };
  writeFileSync(values.json, JSON.stringify({ adapter, versions, figures }, null, 2));
}
process.exit(0);
