import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDataset } from '../data/open';
import type { Gpu } from '../gpu/device';
import { openTestGpu } from '../gpu/testing';
import { openModelFolder, type LoadedModel } from '../model/folder';
import { Policy } from '../model/policy';
import { gradeAll } from '../tasks/grade';
import type { Problem } from '../tasks/task';
import { answerAll } from './answer';
import { capacityFor } from './plan_run';

let gpu: Gpu;
let model: LoadedModel;
let problems: readonly Problem[];
beforeAll(async () => {
  gpu = await openTestGpu({ defaultLimits: true });
  const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'];
  const files = names.map((name) => [name, new Uint8Array(readFileSync(`public/models/nano/${name}`))]);
  model = await openModelFolder('nano', Object.fromEntries(files) as Record<string, Uint8Array>);
  const train = new Uint8Array(readFileSync('public/problems/easy/train.jsonl'));
  problems = (await openDataset('train.jsonl', train)).problems.slice(0, 6);
});
afterAll(() => gpu.close());

const OPTIONS = { extraction: 'strict', partial_reward: true } as const;

test('completions are graded while others are still being sampled, and come in the order of their problems', async () => {
  // Two slots for six problems: the first are done long before the last begins.
  const capacity = { ...capacityFor(model.config, 160, 2), slots: 2 };
  const policy = await Policy.open(gpu, model.config, model.weights, capacity, {
    trainable: false,
    reference: false,
  });
  const order: string[] = [];
  let graded = 0;
  const grade: Parameters<typeof answerAll>[0]['grade'] = async (items, options) => {
    order.push(`asked ${items.length}`);
    const grades = await gradeAll(items, options);
    // Long enough for several looks at the GPU.
    await new Promise((resolve) => setTimeout(resolve, 1));
    graded += 1;
    return grades;
  };
  const sampling = { temperature: 0, top_k: 0, top_p: 1, max_new_tokens: 48, seed: 0 };
  const answers = await answerAll(
    { policy, tokenizer: model.tokenizer, grade },
    problems,
    0,
    sampling,
    OPTIONS,
  );
  expect(graded).toBeGreaterThan(0);
  expect(graded).toBeLessThanOrEqual(answers.length);
  expect(order).toEqual(Array.from({ length: 6 }, () => 'asked 1'));
  for (const [i, { problem, tokens, promptLength, completion, text, grade: own }] of answers.entries()) {
    expect(problem).toBe(problems[i]);
    expect(tokens.slice(promptLength)).toEqual(completion.tokens);
    expect(text).toBe(model.tokenizer.decode(completion.tokens));
    expect([await own]).toEqual(await gradeAll([{ problem, completion: text }], OPTIONS));
  }
  policy.destroy();
});

test('a grader that fails is heard by whoever wants the grade', async () => {
  const capacity = capacityFor(model.config, 160, 2);
  const policy = await Policy.open(gpu, model.config, model.weights, capacity, {
    trainable: false,
    reference: false,
  });
  const grade = () => Promise.reject(new Error('no Python'));
  const sampling = { temperature: 0, top_k: 0, top_p: 1, max_new_tokens: 4, seed: 0 };
  const some = problems.slice(0, 2);
  const answers = await answerAll({ policy, tokenizer: model.tokenizer, grade }, some, 0, sampling, OPTIONS);
  await expect(answers[1]?.grade).rejects.toThrow('no Python');
  policy.destroy();
});
