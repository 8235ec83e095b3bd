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
import { tryPrompt, type PromptProgress, type PromptRequest } from './try_prompt';

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(join(packageRoot(), 'public', path)));
const NAMES = ['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json'];
const companions = (): Record<string, Uint8Array> =>
  Object.fromEntries(NAMES.map((name) => [name, read(`models/nano/${name}`)]));
const nano = (): Promise<LoadedModel> =>
  openModelFolder('nano', { ...companions(), 'model.safetensors': read('models/nano/model.safetensors') });

const QUESTION = 'Tom has 4 pens and buys 5 more. How many pens does he have?';
const request: PromptRequest = {
  text: QUESTION,
  form: 'problem',
  chat_template: false,
  temperature: 0,
  max_new_tokens: 64,
  seed: 0,
};

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openTestGpu({ defaultLimits: true });
});
afterAll(() => gpu.close());

describe('an evaluation', () => {
  let dataset: Dataset;
  beforeAll(async () => {
    dataset = await openDataset('test.jsonl', read('problems/easy/test.jsonl'));
  });

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

    const seen: number[] = [];
    const short = { ...request, max_new_tokens: 8 };
    const signal = new AbortController().signal;
    const answer = await tryPrompt(
      exported,
      (context) => other.open(context, 1),
      short,
      ({ tokens }) => seen.push(tokens),
      signal,
    );
    expect(seen).toEqual(Array.from({ length: answer.tokens - 1 }, (_, i) => i + 1));
    const beside = await tryPrompt(
      model,
      (context) => own.open(context, 1),
      short,
      () => undefined,
      signal,
    );
    expect(answer).toMatchObject({ text: beside.text, tokens: beside.tokens, finish: 'length' });
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

describe('a prompt of a person’s own', () => {
  let model: LoadedModel;
  beforeAll(async () => {
    model = await nano();
  });
  const ask = (
    part: Partial<PromptRequest>,
    tell: (progress: PromptProgress) => void = () => undefined,
    signal = new AbortController().signal,
  ) =>
    tryPrompt(model, (context) => openPolicy(gpu, model, context, 1), { ...request, ...part }, tell, signal);

  test('an answer grows to what generation gives, and is what the plain text of the problem gets', async () => {
    const seen: PromptProgress[] = [];
    const answer = await ask({}, (progress) => seen.push(progress));
    expect(answer.finish).toBe('eos');
    expect(answer.text).toContain('Therefore, the answer is:');
    expect(seen.length).toBeGreaterThan(1);
    seen.forEach(({ text, tokens }, i) => {
      expect(answer.text.startsWith(text)).toBe(true);
      expect(tokens).toBeGreaterThan(seen[i - 1]?.tokens ?? 0);
    });
    const plain = await ask(
      { form: 'plain', text: `Question:\n${QUESTION}\nAnswer reasoning:\n` },
      () => undefined,
    );
    expect(plain).toMatchObject({
      text: answer.text,
      tokens: answer.tokens,
      promptTokens: answer.promptTokens,
    });
  });

  test('a person who stops it keeps what was there; a limit is kept to the token', async () => {
    const control = new AbortController();
    let heard = '';
    const stopped = await ask(
      {},
      ({ text }) => {
        heard = text;
        control.abort();
      },
      control.signal,
    );
    expect(stopped.finish).toBe('stopped');
    expect(stopped.text).toBe(heard);
    expect(heard).not.toBe('');
    expect(await ask({ max_new_tokens: 3 })).toMatchObject({ tokens: 3, finish: 'length' });
  });

  test('an empty prompt, one without room and a missing chat template are refused in a sentence', async () => {
    await expect(ask({ form: 'plain', text: '' })).rejects.toThrow('A prompt is empty');
    await expect(ask({ text: 'pens and '.repeat(600) })).rejects.toThrow('leaves no room');
    await expect(ask({ chat_template: true })).rejects.toThrow('no chat template');
  });
});
