import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../cli/files';
import { loadNodeOnnxRuntime } from '../cli/node_onnx';
import { openDataset } from '../data/open';
import type { Dataset } from '../data/dataset';
import type { Gpu } from '../gpu/device';
import { openTestGpu } from '../gpu/testing';
import { onnxFile, openModelFolder, type LoadedModel } from '../model/folder';
import { openOnnxFolder } from '../model/onnx_folder';
import { OnnxModel } from '../model/onnx_model';
import { MemoryFolder } from '../runs/memory_folder';
import { openRun } from '../runs/open_run';
import { RunControl } from './control';
import { evaluation, runEvaluation, type EvaluationSession } from './evaluation';
import { openPolicy } from './open_policy';
import { resolveConfig } from './settings';

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(join(packageRoot(), 'public', path)));
const NAMES = ['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json'];
const companions = (): Record<string, Uint8Array> =>
  Object.fromEntries(NAMES.map((name) => [name, read(`models/nano/${name}`)]));
const nano = (): Promise<LoadedModel> =>
  openModelFolder('nano', { ...companions(), 'model.safetensors': read('models/nano/model.safetensors') });

describe('an evaluation', () => {
  let gpu: Gpu;
  let dataset: Dataset;
  beforeAll(async () => {
    gpu = await openTestGpu({ defaultLimits: true });
    dataset = await openDataset('test.jsonl', read('problems/easy/test.jsonl'));
  });
  afterAll(() => gpu.close());

  const session = (
    model: EvaluationSession['model'],
    open: EvaluationSession['open'],
    control = new RunControl(),
  ): EvaluationSession => ({
    gpu,
    model,
    open,
    preset: 'all',
    config: resolveConfig(evaluation, 'all', { max_eval_samples: 6, max_new_tokens: 40 }),
    dataset,
    id: 'e1',
    name: 'Evaluate 1',
    folder: new MemoryFolder(),
    control,
    listener: {},
    versions: {},
    programs: undefined,
  });

  test('of a model and of its ONNX export gives the same answers, kept as a run each', async () => {
    const model = await nano();
    const own = session(model, (context, sequences) => openPolicy(gpu, model, context, sequences));
    const record = await runEvaluation(own);
    expect(record).toMatchObject({ status: 'done', step: 6, total_steps: 6, recipe: 'evaluate' });
    expect(record.test).toMatchObject({ split: 'test', n: 6 });
    const ours = await openRun(own.folder);
    expect(ours.completions).toHaveLength(6);
    expect(ours.completions.filter((row) => row.correct)).toHaveLength(record.test?.correct ?? -1);

    const graph = await onnxFile(model).bytes();
    const exported = await openOnnxFolder('nano-onnx', { ...companions(), 'onnx/model.onnx': graph });
    const runtime = await loadNodeOnnxRuntime(gpu);
    const other = session(exported, () => OnnxModel.create(gpu, runtime, exported));
    expect((await runEvaluation(other)).test).toEqual(record.test);
    const theirs = await openRun(other.folder);
    expect(theirs.completions.map((row) => row.completion)).toEqual(
      ours.completions.map((row) => row.completion),
    );
  });

  test('is kept as stopped, or as failed with the reason', async () => {
    const model = await nano();
    const control = new RunControl();
    control.stop();
    const stopped = session(model, (c, s) => openPolicy(gpu, model, c, s), control);
    expect(await runEvaluation(stopped)).toMatchObject({ status: 'stopped', step: 0 });
    const failed = await runEvaluation(
      session(model, async () => {
        throw new Error('no room');
      }),
    );
    expect(failed).toMatchObject({
      status: 'failed',
      error: { message: expect.stringContaining('no room') as string },
    });
  });

  test('of problems none of which fits is refused before there is a run', async () => {
    const model = await nano();
    const tiny = { ...model, config: { ...model.config, max_position_embeddings: 4 } };
    const nothing = session(tiny, (c, s) => openPolicy(gpu, tiny, c, s));
    await expect(runEvaluation(nothing)).rejects.toThrow(
      'Every prompt is longer than the context of 4 tokens',
    );
    expect(await nothing.folder.list()).toEqual([]);
  });
});
