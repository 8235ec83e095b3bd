import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectClose } from '../kernels/compare';
import { buildCli, callCli, removeCli } from './testing';

// The built command line with an adapter: trained beside the bundled model `nano`, asked, and exported.

const SETTINGS = {
  lora_rank: 8,
  lora_alpha: 16,
  lora_target_modules: 'q_proj,v_proj',
  learning_rate: 1e-2,
  num_epochs: 1,
  max_train_samples: 8,
  validation_fraction: 0,
  max_new_tokens: 32,
  batch_size: 4,
};
const prompt = 'Question:\nTom has 4 pens and buys 5 more. How many pens does he have?\nAnswer reasoning:\n';

let folder: string;
const call = (...argv: string[]) => callCli(argv, folder);
const bytes = (path: string) => readFile(join(folder, path));
const logprobs = async (path: string): Promise<number[]> =>
  (JSON.parse(await readFile(join(folder, path), 'utf8')) as { logprobs: number[] }).logprobs;

beforeAll(async () => {
  await buildCli();
  folder = await mkdtemp(join(tmpdir(), 'reft-lab-'));
  await writeFile(
    join(folder, 'rows.jsonl'),
    `${JSON.stringify({ prompt, completion: 'Tom has 9 pens.' })}\n`,
  );
  const settings = Object.entries(SETTINGS).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  const argv = ['train', '--recipe', 'sft', '--model', 'nano', '--data', 'easy', '--out', 'run', ...settings];
  const { code, stderr } = await call(...argv);
  expect(code, stderr).toBe(0);
}, 240_000);
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await removeCli();
});

describe('reft-lab with --adapter', () => {
  it('scores as the model with the adapter merged in does, and as nothing was trained before the first update', async () => {
    const score = async (out: string, ...model: string[]) => {
      const { code, stderr } = await call('score', ...model, '--data', 'rows.jsonl', '--out', out);
      expect(code, stderr).toBe(0);
      return logprobs(out);
    };
    const base = await score('base.jsonl', '--model', 'nano');
    const beside = await score('beside.jsonl', '--model', 'nano', '--adapter', 'run/adapter');
    expectClose('merged', await score('merged.jsonl', '--model', 'run'), beside, { atol: 1e-4, rtol: 0 });
    expect(beside).not.toEqual(base);
    const halves = await score(
      'f16.jsonl',
      '--model',
      'nano',
      '--adapter',
      'run/adapter',
      '--weights',
      'f16',
    );
    expectClose('f16', halves, beside, { atol: 0.02, rtol: 0, reason: 'weights rounded to 11 bits' });
    expect(halves).not.toEqual(beside);
    expect(await score('start.jsonl', '--model', 'nano', '--adapter', 'run/checkpoints/0/adapter')).toEqual(
      base,
    );
  });

  it('generates and evaluates', async () => {
    const asked = ['--model', 'nano', '--adapter', 'run/adapter'];
    const generated = await call('generate', ...asked, '--data', 'rows.jsonl', '--out', 'g.jsonl');
    expect(generated.code, generated.stderr).toBe(0);
    expect((await logprobs('g.jsonl')).length).toBeGreaterThan(0);
    const few = ['--set', 'max_eval_samples=2', '--set', 'max_new_tokens=16'];
    const evaluated = await call('eval', ...asked, '--data', 'easy/test', ...few, '--json');
    expect(evaluated.code, evaluated.stderr).toBe(0);
    expect(JSON.parse(evaluated.stdout)).toMatchObject({ n: 2 });
  });

  it('goes on training from a checkpoint’s adapter, counting on, and says where it began', async () => {
    const argv = [
      '--model',
      'nano',
      '--adapter',
      'run/checkpoints/2/adapter',
      '--data',
      'easy',
      '--out',
      'on',
    ];
    const few = ['--set', 'max_steps=1', '--set', 'max_train_samples=4', '--set', 'validation_fraction=0'];
    const { code, stderr } = await call('train', '--recipe', 'sft', ...argv, ...few);
    expect(code, stderr).toBe(0);
    const json = async (path: string) => JSON.parse((await bytes(path)).toString()) as object;
    const [start, trained] = [
      await bytes('on/checkpoints/0/adapter/adapter_model.safetensors'),
      await bytes('run/adapter/adapter_model.safetensors'),
    ];
    expect(start.equals(trained)).toBe(true);
    const { id } = (await json('run/run.json')) as { id: string };
    expect(await json('on/run.json')).toMatchObject({ init_from: { run: id, checkpoint: '2' } });
    expect(await json('on/checkpoints/1/state.json')).toMatchObject({ epoch: 2 });
  });

  it('exports it as PEFT has it, and merged into the model', async () => {
    const written = async (format: string, out: string, ...model: string[]) => {
      const { code, stderr } = await call('export', ...model, '--format', format, '--out', out);
      expect(code, stderr).toBe(0);
    };
    await written('peft', 'peft', '--model', 'run');
    for (const file of ['adapter_model.safetensors', 'adapter_config.json']) {
      expect((await bytes(`peft/${file}`)).equals(await bytes(`run/adapter/${file}`)), file).toBe(true);
    }
    expect(await readFile(join(folder, 'peft/README.md'), 'utf8')).toContain('library_name: peft');
    await written('hf', 'hf', '--model', 'nano', '--adapter', 'peft');
    const [merged, own] = [await bytes('hf/model.safetensors'), await bytes('run/model/model.safetensors')];
    expect(merged.equals(own)).toBe(true);
  });

  it('refuses what would be wrong, in a sentence', async () => {
    const score = (...model: string[]) =>
      call('score', ...model, '--data', 'rows.jsonl', '--out', 'no.jsonl');
    const cases: [string[], RegExp][] = [
      [['--model', 'run', '--adapter', 'run/adapter'], /has the adapter run\/adapter merged in already/],
      [['--model', 'nano', '--adapter', 'run/model'], /no adapter_config\.json/],
      [['--model', 'nano', '--adapter', 'nowhere'], /There is no adapter folder "nowhere"/],
      [
        ['--model', 'run/checkpoints/0'],
        /holds an adapter, not a whole model.*--adapter run\/checkpoints\/0\/adapter/,
      ],
    ];
    for (const [argv, sentence] of cases) {
      const { code, stderr } = await score(...argv);
      expect(stderr).toMatch(sentence);
      expect(code).toBe(1);
    }
    const { stderr: format } = await score('--model', 'nano', '--weights', 'q5');
    expect(format).toMatch(/--weights is one of f32, f16, q8, q4, not "q5"/);
    const { stderr } = await call('export', '--model', 'nano', '--format', 'peft', '--out', 'none');
    expect(stderr).toMatch(/nano comes without an adapter/);
  });
});
