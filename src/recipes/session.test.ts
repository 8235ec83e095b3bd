import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDataset } from '../data/open';
import type { Dataset } from '../data/dataset';
import type { Gpu } from '../gpu/device';
import { openTestGpu } from '../gpu/testing';
import { expectClose } from '../kernels/compare';
import { openModelFolder, type LoadedModel } from '../model/folder';
import { readSafetensors } from '../model/safetensors';
import { memorySource, readTensors } from '../model/tensor_source';
import { gae } from '../rl/gae';
import { whiten } from '../rl/statistics';
import { MemoryFolder } from '../runs/memory_folder';
import { openRun } from '../runs/open_run';
import type { NumericsRecord, AuditRecord, RunRecord, SettingValue } from '../runs/run';
import { RunControl } from './control';
import { recipes } from './index';
import { readCheckpoint, runSession, type Session } from './session';
import { resolveConfig } from './settings';

let gpu: Gpu;
let model: LoadedModel;
let problems: Dataset;
beforeAll(async () => {
  gpu = await openTestGpu({ defaultLimits: true });
  model = await openNano();
  problems = await openDataset('train.jsonl', firstLines('public/problems/easy/train.jsonl', 24));
});
afterAll(() => gpu.close());

const NUMERICS: NumericsRecord = {
  checked: '2026-11-21T12:00:00.000Z',
  adapter: 'an adapter',
  model: 'nano',
  ok: true,
  max_delta_logit: 3e-5,
  max_kl: 2e-11,
  kernels_passed: 50,
  kernels: 50,
  verdict: 'This GPU computes right.',
};

describe('SFT', () => {
  const short = {
    num_epochs: 2,
    batch_size: 8,
    learning_rate: 1e-3,
    validation_fraction: 0.25,
    max_new_tokens: 24,
  };

  test('writes a row a step, checkpoints, the best model, and the same bits from the same seed', async () => {
    const first = await run('sft', short, { numerics: NUMERICS });
    const second = await run('sft', short);
    const { record, metrics, completions } = await openRun(first.folder);
    expect(record).toMatchObject({ status: 'done', step: 6, dataset: { train: 18, validation: 6 } });
    expect(record.numerics).toEqual(NUMERICS);
    expect(new TextDecoder().decode(await first.folder.read('model/README.md'))).toContain(NUMERICS.verdict);
    // Step 0 is the evaluation before training; 18 problems in batches of 8 are 3 steps an epoch.
    expect(metrics.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(metrics.at(-1)?.values['loss']).toBeLessThan(metrics[1]?.values['loss'] ?? 0);
    expect(metrics.filter(({ values }) => 'eval/accuracy' in values).map(({ step }) => step)).toEqual([
      0, 3, 6,
    ]);
    expect(completions.filter(({ step }) => step === 6)).toHaveLength(6);
    expect(await first.folder.list()).toEqual(
      expect.arrayContaining([
        'checkpoints/0/model.safetensors',
        'checkpoints/6/optimizer.safetensors',
        'model/tokenizer.json',
      ]),
    );
    const best = await first.folder.read(`checkpoints/${record.best?.step}/model.safetensors`);
    expect(same(await first.folder.read('model/model.safetensors'), best)).toBe(true);
    for (const file of ['checkpoints/6/model.safetensors', 'checkpoints/6/optimizer.safetensors']) {
      expect(same(await second.folder.read(file), await first.folder.read(file)), file).toBe(true);
    }
  });

  test('on problems without chain of thought is refused with the reason, and the run is kept', async () => {
    const svamp = await openDataset('test.svamp.json', file('public/problems/easy/test.svamp.json'));
    const { record } = await run(
      'sft',
      { ...short, max_train_samples: 8, max_eval_samples: 2 },
      { dataset: svamp },
    );
    expect(record).toMatchObject({ status: 'failed', error: { code: 'bad_input' } });
    expect(record.error?.message).toContain('chain of thought');
  });

  test('stops when asked and keeps what there is', async () => {
    const control = new RunControl();
    const listener = { metrics: () => control.stop() };
    const { record, folder } = await run('sft', short, { control, listener });
    expect(record.status).toBe('stopped');
    expect(await folder.exists('model/model.safetensors')).toBe(true);
  });

  test('pauses and goes on', async () => {
    const control = new RunControl();
    const seen: string[] = [];
    const { record } = await run(
      'sft',
      { ...short, validation_fraction: 0 },
      {
        control,
        listener: {
          metrics: ({ step }) => {
            if (step === 2) control.pause();
          },
          status: ({ status }) => {
            seen.push(status);
            if (status === 'paused') setTimeout(() => control.resume(), 20);
          },
        },
      },
    );
    expect(record.status).toBe('done');
    expect(seen).toEqual(['loading', 'running', 'paused', 'running', 'done']);
  });
});

describe('when things go wrong', () => {
  const short = { num_epochs: 1, batch_size: 8, validation_fraction: 0.25, max_new_tokens: 16 };

  test('an adapter lost mid-run ends the run in a sentence and keeps what was saved', async () => {
    const lost = await openTestGpu({ defaultLimits: true });
    const listener = { metrics: () => lost.device.destroy() };
    const { record, folder } = await run('sft', short, { gpu: lost, listener });
    expect(record).toMatchObject({ status: 'failed', error: { code: 'device_lost' } });
    expect(record.error?.message).toContain('What was saved is kept');
    expect(await folder.exists('checkpoints/0/model.safetensors')).toBe(true);
  });

  test('a gradient that is no number stops the run with what to change', async () => {
    const tensors = await readTensors(model.weights);
    const { shape, data } = tensors.get('model.norm.weight') ?? { shape: [], data: new Float32Array() };
    tensors.set('model.norm.weight', { shape, data: data.map(() => Number.NaN) });
    const { record } = await run(
      'sft',
      { ...short, validation_fraction: 0 },
      { model: { ...model, weights: memorySource(tensors) } },
    );
    expect(record).toMatchObject({ status: 'failed', error: { code: 'diverged' } });
    expect(record.error?.message).toContain('learning_rate');
  });

  test('problems longer than the context are left out, and said; all of them too long is refused', async () => {
    const context = { ...model, config: { ...model.config, max_position_embeddings: 60 } };
    const { record } = await run('sft', { ...short, validation_fraction: 0 }, { model: context });
    expect(record.events[0]?.text).toMatch(/^\d+ of 24 problems are longer than the context of 60 tokens/);
    const tiny = { ...model, config: { ...model.config, max_position_embeddings: 8 } };
    await expect(run('sft', short, { model: tiny })).rejects.toThrow(/longer than the context of 8 tokens/);
  });
});

describe('ReFT', () => {
  const short: Record<string, SettingValue> = {
    warmup_epochs: 0,
    max_steps: 2,
    batch_size: 8,
    mini_batch_size: 4,
    ppo_epochs: 2,
    learning_rate: 1e-4,
    vf_coef: 0.5,
    shuffle: false,
    validation_fraction: 0,
    max_new_tokens: 32,
  };

  test('the audit holds what GAE, whitening, KL and the first losses come from', async () => {
    const { record, folder } = await run('reft', { ...short, save_steps: 1 }, { audit: true });
    expect(record.status).toBe('done');
    expect(record.kl_at_start).toBeLessThan(1e-4);
    const text = new TextDecoder().decode(await folder.read('audit.jsonl'));
    const rows = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as AuditRecord);
    expect(rows).toHaveLength(16);
    for (const step of [1, 2]) {
      const batch = rows.filter((row) => row.step === step);
      expect(batch.map(({ problem }) => problem)).toEqual(
        problems.problems.slice((step - 1) * 8, step * 8).map(({ id }) => id),
      );
      const raw = batch.map((row) => {
        const M = row.mask.filter(Boolean).length;
        expect(
          [row.logp_old, row.logp_ref, row.value_old, row.reward, row.advantage, row.return].map(
            (a) => a.length,
          ),
        ).toEqual(Array(6).fill(M));
        const expected = row.logp_old.map(
          (logp, t) => -0.05 * (logp - (row.logp_ref[t] ?? 0)) + (t === M - 1 ? row.score : 0),
        );
        expectClose('reward', row.reward, expected, { atol: 1e-9, rtol: 0 });
        const { advantages, returns } = gae({
          rewards: row.reward,
          values: row.value_old,
          gamma: 1,
          lam: 0.95,
        });
        expectClose('return', row.return, returns, { atol: 1e-6, rtol: 0 });
        return advantages;
      });
      whiten(raw).forEach((a, i) =>
        expectClose('advantage', batch[i]?.advantage ?? [], a, { atol: 1e-6, rtol: 0 }),
      );
      // Before the first update of an iteration the ratio is 1: the policy loss is the mean of −A.
      const minibatch = batch.slice(0, 4);
      const loss = minibatch.reduce(
        (sum, row) => sum - row.advantage.reduce((a, b) => a + b, 0) / row.advantage.length / 4,
        0,
      );
      expectClose('policy_loss', [minibatch[0]?.policy_loss[0] ?? NaN], [loss], { atol: 1e-5, rtol: 1e-5 });
      expect(batch.every((row) => row.policy_loss.length === 2 && row.value_loss.length === 2)).toBe(true);
    }
    const head = readSafetensors(await folder.read('checkpoints/0/value_head.safetensors'));
    expect(head.get('weight')?.shape).toEqual([1, model.config.hidden_size]);
    const [before, after] = [
      await folder.read('checkpoints/0/model.safetensors'),
      await folder.read('checkpoints/1/model.safetensors'),
    ];
    expect(same(before, after)).toBe(false);
  });

  test('warms up first, then starts PPO from there, with validation choosing among PPO steps', async () => {
    const { record, folder } = await run('reft', {
      ...short,
      warmup_epochs: 1,
      sft_batch_size: 9,
      sft_num_epochs: 4,
      sft_learning_rate: 1e-3,
      max_steps: 1,
      validation_fraction: 0.25,
    });
    expect(record.events.some(({ kind, step }) => kind === 'warmup_end' && step === 2)).toBe(true);
    expect(record).toMatchObject({ status: 'done', step: 3, best: { step: 3 } });
    const { metrics } = await openRun(folder);
    expect(metrics.at(-1)?.values['objective/scores']).toBeGreaterThanOrEqual(0);
  });

  test('starts from the checkpoint of an SFT run and goes on counting', async () => {
    const sft = await run('sft', {
      num_epochs: 1,
      batch_size: 12,
      validation_fraction: 0,
      learning_rate: 1e-3,
    });
    const init = { run: sft.record.id, checkpoint: '2', files: await readCheckpoint(sft.folder, '2') };
    // Opened as a model of its own, as the command line does, the checkpoint brings its value head along.
    const own = await openModelFolder('checkpoint', init.files);
    const { record, folder } = await run('reft', { ...short, max_steps: 1 }, { init, model: own });
    expect(record.init_from).toEqual({ run: sft.record.id, checkpoint: '2' });
    const from = await sft.folder.read('checkpoints/2/model.safetensors');
    expect(same(await folder.read('checkpoints/0/model.safetensors'), from)).toBe(true);
    const { metrics } = await openRun(folder);
    expect(metrics[0]?.values['epoch']).toBeCloseTo(1 + 1 / 3);
  });
});

const same = (a: Uint8Array, b: Uint8Array | undefined): boolean =>
  b !== undefined && Buffer.compare(a, b) === 0;

function file(path: string): Uint8Array {
  return new Uint8Array(readFileSync(path));
}

function firstLines(path: string, count: number): Uint8Array {
  return new TextEncoder().encode(readFileSync(path, 'utf8').split('\n').slice(0, count).join('\n'));
}

async function openNano(): Promise<LoadedModel> {
  const folder = 'public/models/nano';
  const names = readdirSync(folder).filter(
    (name) => existsSync(`${folder}/${name}`) && /\.(json|safetensors)$/.test(name),
  );
  return openModelFolder('nano', Object.fromEntries(names.map((name) => [name, file(`${folder}/${name}`)])));
}

async function run(
  recipeId: string,
  overrides: Record<string, SettingValue>,
  options: Partial<Session> = {},
): Promise<{ record: RunRecord; folder: MemoryFolder }> {
  const recipe = recipes.find(({ id }) => id === recipeId);
  if (!recipe) throw new Error(recipeId);
  const folder = new MemoryFolder();
  const record = await runSession({
    gpu,
    model,
    recipe,
    preset: 'demo',
    config: resolveConfig(recipe, undefined, overrides),
    dataset: problems,
    evalDataset: null,
    init: null,
    id: recipeId,
    name: recipeId,
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
