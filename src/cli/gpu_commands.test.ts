import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors } from '../model/safetensors';
import { openRun } from '../runs/open_run';
import type { AuditRecord } from '../runs/run';
import { packageRoot } from './files';
import { NodeFolder } from './node_folder';
import { buildCli, callCli, removeCli } from './testing';

// The built command line on the bundled model `nano`, on whatever adapter the tests have.

let folder: string;
const call = (...argv: string[]) => callCli(argv, folder);
const put = (name: string, rows: object[]) =>
  writeFile(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
const rowsOf = async <T>(name: string): Promise<T[]> =>
  (await readFile(join(folder, name), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
const sets = (settings: Record<string, string | number | boolean>) =>
  Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);

/** A run of a few steps on a few problems. */
const SMALL = {
  max_train_samples: 8,
  validation_fraction: 0.002,
  max_eval_samples: 4,
  max_new_tokens: 32,
  batch_size: 4,
};
const prompt = 'Question:\nTom has 4 pens and buys 5 more. How many pens does he have?\nAnswer reasoning:\n';

beforeAll(async () => {
  await buildCli();
  folder = await mkdtemp(join(tmpdir(), 'reft-lab-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await removeCli();
});

describe('reft-lab generate and score', () => {
  it('agree on log-probabilities, and give the same twice', async () => {
    await put('prompts.jsonl', [{ prompt, kept: 1 }, { prompt: 'Question:\nHow many legs' }]);
    const settings = sets({ temperature: 1, max_new_tokens: 12, seed: 7 });
    const argv = ['generate', '--model', 'nano', '--data', 'prompts.jsonl', ...settings];
    const first = await call(...argv, '--out', 'a.jsonl', '--json');
    expect(first.stderr).toContain('adapter: ');
    expect(first.code).toBe(0);
    expect((await call(...argv, '--out', 'b.jsonl')).code).toBe(0);
    expect(await readFile(join(folder, 'a.jsonl'))).toEqual(await readFile(join(folder, 'b.jsonl')));

    type Generated = {
      completion: string;
      tokens: number[];
      logprobs: number[];
      finish: string;
      kept?: number;
    };
    const generated = await rowsOf<Generated>('a.jsonl');
    expect(generated[0]).toMatchObject({ prompt, kept: 1 });
    for (const { tokens, logprobs, finish } of generated) {
      expect(logprobs).toHaveLength(tokens.length);
      expect(logprobs.every((value) => value <= 0)).toBe(true);
      expect(finish).toMatch(/^(eos|length)$/);
    }
    expect(JSON.parse(first.stdout)).toMatchObject({ out: 'a.jsonl', rows: 2 });

    const scored = await call('score', '--model', 'nano', '--data', 'a.jsonl', '--out', 's.jsonl', '--json');
    expect(scored.code).toBe(0);
    const scores = await rowsOf<Generated & { sum: number }>('s.jsonl');
    scores.forEach((score, i) => {
      const sampled = generated[i];
      expect(score.sum).toBeCloseTo(
        score.logprobs.reduce((sum, value) => sum + value, 0),
        6,
      );
      // The end token is not part of the completion's text; text may be cut into tokens in another way than sampled.
      const same = sampled?.tokens.slice(0, score.tokens.length) ?? [];
      if (JSON.stringify(same) !== JSON.stringify(score.tokens)) return;
      score.logprobs.forEach((value, t) => {
        expect(Math.abs(value - (sampled?.logprobs[t] ?? NaN))).toBeLessThan(1e-3);
      });
    });
  });

  it('name the row they cannot take, and write nothing', async () => {
    const cases: [string, object, RegExp][] = [
      ['generate', { prompt: 7 }, /line 2: "prompt" is not text/],
      ['generate', { prompt: '' }, /line 2: the prompt is empty/],
      [
        'generate',
        { prompt: 'pens '.repeat(3000) },
        /line 2: the prompt has \d+ tokens and the context of nano is/,
      ],
      ['score', { prompt }, /line 2: "completion" is missing/],
      ['score', { prompt, completion: '1 '.repeat(3000) }, /line 2: prompt and completion have \d+ tokens/],
    ];
    for (const [command, bad, sentence] of cases) {
      await put('bad.jsonl', [{ prompt, completion: '9' }, bad]);
      const { code, stderr } = await call(
        command,
        '--model',
        'nano',
        '--data',
        'bad.jsonl',
        '--out',
        'never.jsonl',
      );
      expect(stderr).toMatch(sentence);
      expect(code).toBe(1);
      await expect(readFile(join(folder, 'never.jsonl'))).rejects.toThrow();
    }
    const model = await call('generate', '--model', 'none', '--data', 'bad.jsonl', '--out', 'never.jsonl');
    expect(model.code).toBe(1);
    expect(model.stderr).toMatch(/There is no model folder "none".*nano/);
  });
});

describe('reft-lab without what it needs', () => {
  it('says that there is no adapter, and what to install', async () => {
    await put('one.jsonl', [{ prompt }]);
    const argv = ['generate', '--model', 'nano', '--data', 'one.jsonl', '--out', 'never.jsonl', '--json'];
    // An empty list of Vulkan drivers is a Linux machine without a GPU; Metal and Direct3D are always there.
    const env = {
      VK_ICD_FILENAMES: '/no/such/driver',
      VK_DRIVER_FILES: '/no/such/driver',
      LAB_ADAPTER: 'hardware',
    };
    const { code, stderr, stdout } = await callCli(argv, folder, { env });
    if (process.platform !== 'linux') return expect(code).toBe(0);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    const last = stderr.trim().split('\n').at(-1) ?? '';
    expect(JSON.parse(last)).toMatchObject({
      error: {
        code: 'unsupported',
        message: expect.stringMatching(/No graphics adapter.*Install/) as string,
      },
    });
  });

  it('says what is wrong with a model folder', async () => {
    const model = join(folder, 'model');
    await cp(join(packageRoot(), 'public/models/nano'), model, { recursive: true });
    const weights = await readFile(join(model, 'model.safetensors'));
    await writeFile(join(model, 'model.safetensors'), weights.subarray(0, weights.length / 2));
    const cut = await call('eval', '--model', 'model', '--data', 'easy/test');
    expect(cut.code).toBe(1);
    expect(cut.stderr).toMatch(/model\.safetensors: .* claims bytes \d+ to \d+ of \d+/);
    await writeFile(join(model, 'config.json'), JSON.stringify({ architectures: ['MambaForCausalLM'] }));
    const other = await call('eval', '--model', 'model', '--data', 'easy/test');
    expect(other.code).toBe(1);
    expect(other.stderr).toContain('MambaForCausalLM');
  });
});

describe('reft-lab eval', () => {
  it('gives greedy accuracy with n and interval', async () => {
    const argv = ['eval', '--model', 'nano', '--data', 'easy/test', ...sets({ max_eval_samples: 6 })];
    const { code, stdout } = await call(...argv, '--out', 'graded.jsonl', '--json');
    expect(code).toBe(0);
    const result = JSON.parse(stdout) as { correct: number };
    expect(result).toMatchObject({ model: 'nano', data: 'easy/test', n: 6 });
    const graded = await rowsOf<{ correct: boolean }>('graded.jsonl');
    expect(graded.filter(({ correct }) => correct)).toHaveLength(result.correct);
  });
});

describe('reft-lab on a model in ONNX', () => {
  it('answers and scores as the model it was exported from, and says why it cannot be trained', async () => {
    await put('prompts.jsonl', [{ prompt }, { prompt: 'Question:\nHow many legs' }]);
    expect((await call('export', '--model', 'nano', '--format', 'onnx', '--out', 'onnx')).code).toBe(0);
    const generated: { tokens: number[]; logprobs: number[]; completion: string }[][] = [];
    for (const model of ['nano', 'onnx']) {
      const argv = ['--model', model, '--data', 'prompts.jsonl', '--out', `${model}.jsonl`];
      const { code, stderr } = await call('generate', ...argv, ...sets({ max_new_tokens: 16 }));
      expect(stderr).toContain('adapter: ');
      expect(code).toBe(0);
      generated.push(await rowsOf(`${model}.jsonl`));
    }
    const [ours = [], theirs = []] = generated;
    theirs.forEach((row, i) => {
      expect(row.tokens).toEqual(ours[i]?.tokens);
      row.logprobs.forEach((value, t) => expect(value).toBeCloseTo(ours[i]?.logprobs[t] ?? NaN, 3));
    });
    const scored = await call(
      'score',
      '--model',
      'onnx',
      '--data',
      'onnx.jsonl',
      '--out',
      's.jsonl',
      '--json',
    );
    expect(JSON.parse(scored.stdout)).toMatchObject({ rows: 2 });
    const trained = await call(
      'train',
      '--recipe',
      'sft',
      '--model',
      'onnx',
      '--data',
      'easy/train',
      '--out',
      'r',
    );
    expect(trained.code).toBe(1);
    expect(trained.stderr).toContain('onnx is an ONNX graph: exporters rename, fold and quantize');
  });

  it('is checked against the lab’s own kernels: this adapter computes right', async () => {
    const { code, stdout } = await call('check', '--model', 'nano', '--data', 'easy/test', '--json');
    const numerics = JSON.parse(stdout) as { ok: boolean; sentence: string };
    expect(numerics.sentence).toMatch(/^This GPU computes right: all \d+ kernels .* on 4 prompts/);
    expect(code).toBe(0);
  });
});

describe('reft-lab train', () => {
  it('writes a run of SFT that can be opened, asked and compared', async () => {
    const settings = sets({ ...SMALL, max_steps: 3, learning_rate: 1e-4 });
    const argv = [
      'train',
      '--recipe',
      'sft',
      '--model',
      'nano',
      '--data',
      'easy',
      '--eval-data',
      'easy/test',
    ];
    for (const out of ['sft', 'again']) {
      const { code, stderr } = await call(...argv, ...settings, '--out', out, '--name', out);
      // Said before the run's first line.
      expect(stderr).toMatch(/memory: [\d.]+ MiB on the GPU \(weights 0\.8 MiB, gradients .*\)\n(.|\n)*3\/3/);
      expect(code).toBe(0);
    }
    const { record, metrics, completions } = await openRun(new NodeFolder(join(folder, 'sft')));
    expect(record).toMatchObject({ name: 'sft', recipe: 'sft', status: 'done', step: 3, total_steps: 3 });
    expect(record.test?.n).toBe(4);
    expect(metrics.filter(({ values }) => values['loss'] !== undefined).map(({ step }) => step)).toEqual([
      1, 2, 3,
    ]);
    expect(completions.some(({ split }) => split === 'test')).toBe(true);
    const files = await new NodeFolder(join(folder, 'sft')).list();
    for (const file of ['checkpoints/0/model.safetensors', 'checkpoints/3/optimizer.safetensors']) {
      expect(files).toContain(file);
    }
    for (const file of ['config.json', 'tokenizer.json', 'model.safetensors'])
      expect(files).toContain(`model/${file}`);

    // The same seed gives the same bits.
    const weights = ['sft', 'again'].map((run) =>
      readFile(join(folder, run, 'checkpoints/3/model.safetensors')),
    );
    expect(await weights[0]).toEqual(await weights[1]);

    const compared = await call('compare', 'sft', 'again', '--json');
    expect(JSON.parse(compared.stdout)).toMatchObject({ split: 'test', n: 4, gained: 0, lost: 0, p: 1 });

    const full = await call(...argv, ...settings, '--out', 'sft');
    expect(full.code).toBe(1);
    expect(full.stderr).toContain('sft is not empty; a run is never written over another');
  });

  it('writes a run of ReFT from a checkpoint, with all that is needed to recompute an update', async () => {
    const settings = sets({
      ...SMALL,
      mini_batch_size: 2,
      max_steps: 1,
      warmup_epochs: 0,
      learning_rate: 1e-4,
    });
    const model = 'sft/checkpoints/3';
    const argv = [
      'train',
      '--recipe',
      'reft',
      '--model',
      model,
      '--data',
      'easy',
      '--audit',
      '--out',
      'reft',
    ];
    const { code, stdout } = await call(...argv, ...settings, '--json');
    expect(code).toBe(0);
    const { record } = await openRun(new NodeFolder(join(folder, 'reft')));
    expect(JSON.parse(stdout)).toMatchObject({
      out: 'reft',
      status: 'done',
      step: 1,
      kl_at_start: record.kl_at_start,
    });
    expect(record.kl_at_start).toBeLessThan(1e-4);
    expect(record.init_from?.checkpoint).toBe('3');
    const audit = await rowsOf<AuditRecord>('reft/audit.jsonl');
    expect(audit).toHaveLength(4);
    for (const row of audit) {
      const M = row.mask.reduce((sum, one) => sum + one, 0);
      expect(row.tokens).toHaveLength(row.mask.length);
      for (const list of [row.logp_old, row.logp_ref, row.value_old, row.reward, row.advantage, row.return]) {
        expect(list).toHaveLength(M);
      }
      expect([1, 0.1, 0]).toContain(row.score);
      expect(row.policy_loss).toHaveLength(2);
      expect(row.value_loss).toHaveLength(2);
    }
    const head = await readFile(join(folder, 'reft/checkpoints/0/value_head.safetensors'));
    const tensors = readSafetensors(new Uint8Array(head));
    expect(tensors.get('weight')?.shape[0]).toBe(1);
    expect(tensors.get('bias')?.shape).toEqual([1]);
  });

  it('keeps the run at Ctrl-C and exits with 130', async () => {
    const settings = sets({ ...SMALL, num_epochs: 10_000 });
    const argv = [
      'train',
      '--recipe',
      'sft',
      '--model',
      'nano',
      '--data',
      'easy',
      '--out',
      'stopped',
      ...settings,
    ];
    const { code, stderr, stdout } = await callCli(argv, folder, { interruptAt: 'adapter: ' });
    expect(stderr).toMatch(/Stopped at step \d+ of 20000; the run is kept in stopped/);
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    const run = new NodeFolder(join(folder, 'stopped'));
    expect((await openRun(run)).record.status).toBe('stopped');
    expect(await run.exists('model/model.safetensors')).toBe(true);
  });

  it('refuses what cannot be trained before it makes a folder', async () => {
    const noCot = { item_id: 'svamp_1', question: 'Ada has 1 pen. How many?', answer_value: '1' };
    await writeFile(join(folder, 'no_cot.json'), JSON.stringify([noCot]));
    const base = ['train', '--recipe', 'sft', '--model', 'nano', '--out', 'never'];
    const cases: [string[], RegExp, number][] = [
      [[...base, '--data', 'no_cot.json'], /no chain of thought/, 1],
      [[...base, '--data', 'easy', '--set', 'learning_rat=1'], /has no setting "learning_rat"/, 1],
      [[...base, '--data', 'easy', '--set', 'learning_rate=-1'], /learning_rate cannot be "-1"/, 1],
      [[...base, '--data', 'easy', '--preset', 'huge'], /has no preset "huge"/, 1],
      [[...base, '--data', 'easy', ...sets({ max_memory_mib: 5 })], /at least .* 5\.0 MiB are allowed/, 1],
      [
        ['train', '--recipe', 'dpo', '--model', 'nano', '--data', 'easy', '--out', 'never'],
        /no recipe "dpo"/,
        2,
      ],
    ];
    for (const [argv, sentence, exit] of cases) {
      const { code, stderr } = await call(...argv);
      expect(stderr).toMatch(sentence);
      expect(code).toBe(exit);
    }
    expect(await new NodeFolder(join(folder, 'never')).list()).toEqual([]);
  });
});
