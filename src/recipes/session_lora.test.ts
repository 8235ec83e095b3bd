import { readFileSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Dataset } from '../data/dataset';
import { openDataset } from '../data/open';
import { GpuCounter } from '../gpu/counting';
import type { Gpu } from '../gpu/device';
import { openTestGpu } from '../gpu/testing';
import { openModelFolder, type LoadedModel } from '../model/folder';
import { mergedSource } from '../model/lora_merge';
import { readAdapter } from '../model/peft';
import { readSafetensors } from '../model/safetensors';
import { readTensors } from '../model/tensor_source';
import { MemoryFolder } from '../runs/memory_folder';
import type { RunRecord, SettingValue } from '../runs/run';
import { RunControl } from './control';
import { recipes } from './index';
import { planRun } from './plan_run';
import { readCheckpoint, runSession, type Session } from './session';
import { resolveConfig } from './settings';

const LORA = { lora_rank: 4, lora_alpha: 8, lora_target_modules: 'q_proj, v_proj,down_proj' };
const SHORT = {
  ...LORA,
  num_epochs: 2,
  batch_size: 8,
  learning_rate: 1e-2,
  validation_fraction: 0.25,
  max_new_tokens: 24,
};

let gpu: Gpu;
let model: LoadedModel;
let problems: Dataset;
beforeAll(async () => {
  gpu = await openTestGpu({ defaultLimits: true });
  const folder = 'public/models/nano';
  const names = readdirSync(folder).filter((name) => /\.(json|safetensors)$/.test(name));
  const file = (path: string): Uint8Array => new Uint8Array(readFileSync(path));
  model = await openModelFolder(
    'nano',
    Object.fromEntries(names.map((name) => [name, file(`${folder}/${name}`)])),
  );
  const lines = readFileSync('public/problems/easy/train.jsonl', 'utf8').split('\n').slice(0, 24);
  problems = await openDataset('train.jsonl', new TextEncoder().encode(lines.join('\n')));
});
afterAll(() => gpu.close());

test('SFT with LoRA leaves adapter/ beside model/, the start in checkpoints/0/adapter, and the frozen weights as they are', async () => {
  const { record, folder } = await run('sft', SHORT);
  expect(record.status).toBe('done');
  const files = await folder.list();
  expect(files).toEqual(
    expect.arrayContaining([
      'adapter/adapter_config.json',
      'adapter/adapter_model.safetensors',
      'checkpoints/0/adapter/adapter_model.safetensors',
      'checkpoints/0/optimizer.safetensors',
      'model/model.safetensors',
    ]),
  );
  expect(files.filter((path) => /^checkpoints\/.*\/model\.safetensors$/.test(path))).toEqual([]);

  const start = await adapterIn(folder, 'checkpoints/0/adapter/');
  expect(start.config).toMatchObject({ rank: 4, alpha: 8, rslora: false });
  expect(start.json).toMatchObject({ target_modules: ['q_proj', 'v_proj', 'down_proj'], lora_dropout: 0 });
  // As PEFT begins: B zero, A uniform within 1 / √in.
  for (const [name, { shape, data }] of start.tensors) {
    const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const bound = name.includes('lora_A') ? 1 / Math.sqrt(shape[1] ?? 1) : 0;
    expect(largest).toBeLessThanOrEqual(bound);
    expect(largest).toBeGreaterThanOrEqual(0.9 * bound);
  }

  const adapter = await adapterIn(folder, 'adapter/');
  const best = await adapterIn(folder, `checkpoints/${record.best?.step}/adapter/`);
  expect(adapter.tensors).toEqual(best.tensors);
  const own = readSafetensors(await folder.read('model/model.safetensors'));
  const merged = await readTensors(mergedSource(model.weights, adapter, model.config));
  for (const [name, { data }] of own) expect(merged.get(name)?.data, name).toEqual(data);
});

test('a run goes on from the checkpoint of another: with its adapter, or with every weight and the adapter merged in', async () => {
  const first = await run('sft', { ...SHORT, validation_fraction: 0 });
  const files = await readCheckpoint(first.folder, String(first.record.step));
  const init = { run: 'first', checkpoint: 'last', files };
  const trained = await adapterIn(first.folder, 'adapter/');

  const next = await run('sft', { ...SHORT, max_steps: 1 }, { init });
  expect(next.record.status).toBe('done');
  expect((await adapterIn(next.folder, 'checkpoints/0/adapter/')).tensors).toEqual(trained.tensors);

  const whole = await run('sft', { ...SHORT, lora_rank: 0, max_steps: 1 }, { init });
  const begun = readSafetensors(await whole.folder.read('checkpoints/0/model.safetensors'));
  const merged = await readTensors(mergedSource(model.weights, trained, model.config));
  for (const [name, { data }] of begun) expect(merged.get(name)?.data, name).toEqual(data);

  await expect(run('sft', { ...SHORT, lora_rank: 8 }, { init })).rejects.toThrow(
    /Set lora_rank 4, lora_alpha 8/,
  );
});

test('ReFT with LoRA warms up and then keeps to a π_ref that is the warmed-up adapter', async () => {
  const { record, folder } = await run('reft', {
    ...LORA,
    warmup_epochs: 1,
    sft_num_epochs: 2,
    sft_batch_size: 8,
    sft_learning_rate: 1e-2,
    max_steps: 1,
    batch_size: 8,
    mini_batch_size: 8,
    validation_fraction: 0,
    max_new_tokens: 16,
    learning_rate: 1e-2,
  });
  expect(record).toMatchObject({ status: 'done', step: 4 });
  expect(record.kl_at_start).toBeLessThan(1e-4);
  const [before, after] = [
    await adapterIn(folder, 'checkpoints/3/adapter/'),
    await adapterIn(folder, 'adapter/'),
  ];
  expect(after.tensors).not.toEqual(before.tensors);
});

test('the plan names the adapter’s bytes, is what is allocated, and less than training every weight takes', async () => {
  const config = (over: Record<string, SettingValue>) =>
    resolveConfig(recipeOf('sft'), undefined, { ...SHORT, ...over });
  const plan = planRun(gpu, model, problems.problems, [], config({}));
  const counter = new GpuCounter(gpu);
  await run('sft', { ...SHORT, max_steps: 1 });
  expect(counter.take().bytes).toBe(plan.totalBytes);
  const whole = planRun(gpu, model, problems.problems, [], config({ lora_rank: 0 }));
  expect(plan.bytes['adapter']).toBeGreaterThan(0);
  expect(plan.bytes['weights']).toBe(whole.bytes['weights']);
  expect(plan.bytes['moments']).toBeLessThan((whole.bytes['moments'] ?? 0) / 4);
  expect(() => planRun(gpu, model, problems.problems, [], config({ lora_target_modules: 'c_attn' }))).toThrow(
    /no module c_attn\. It has q_proj/,
  );
});

function recipeOf(id: string): (typeof recipes)[number] {
  const recipe = recipes.find((one) => one.id === id);
  if (!recipe) throw new Error(id);
  return recipe;
}

async function adapterIn(folder: MemoryFolder, prefix: string): Promise<ReturnType<typeof readAdapter>> {
  const files: Record<string, Uint8Array> = {};
  for (const path of await folder.list()) {
    if (path.startsWith(prefix)) files[path.slice(prefix.length)] = await folder.read(path);
  }
  return readAdapter(files);
}

async function run(
  id: string,
  overrides: Record<string, SettingValue>,
  options: Partial<Session> = {},
): Promise<{ record: RunRecord; folder: MemoryFolder }> {
  const folder = new MemoryFolder();
  const record = await runSession({
    gpu,
    model,
    recipe: recipeOf(id),
    preset: 'demo',
    config: resolveConfig(recipeOf(id), undefined, overrides),
    dataset: problems,
    evalDataset: null,
    init: null,
    id,
    name: id,
    folder,
    control: new RunControl(),
    listener: {},
    audit: false,
    versions: {},
    programs: undefined,
    makeOnnxReference: undefined,
    ...options,
  });
  return { record, folder };
}
