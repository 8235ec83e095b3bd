import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS } from './commands';
import { packageRoot } from './files';
import { buildCli, callCli, callNode, removeCli } from './testing';

let folder: string;
const call = (...argv: string[]) => callCli(argv, folder);
const put = (name: string, text: string) => writeFile(join(folder, name), text);
const lines = (rows: object[]) => rows.map((row) => JSON.stringify(row)).join('\n');

beforeAll(async () => {
  await buildCli();
  folder = await mkdtemp(join(tmpdir(), 'reft-lab-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await removeCli();
});

describe('reft-lab', () => {
  it('has help for all and for each command, and a version', async () => {
    const all = await call('--help');
    expect(all.code).toBe(0);
    for (const { name, summary, options } of COMMANDS) {
      expect(all.stdout).toContain(summary);
      const one = await call(name, '--help');
      expect(one.code).toBe(0);
      for (const option of Object.keys(options)) expect(one.stdout).toContain(`--${option}`);
    }
    expect((await call('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('is started by the package’s bin, which says how to build it when it is not built', async () => {
    const bin = join(packageRoot(), 'bin/reft-lab.js');
    const built = existsSync(join(packageRoot(), 'dist-cli/reft-lab.js'));
    const here = await callNode([bin, '--version'], folder);
    expect(here.code).toBe(built ? 0 : 1);
    await mkdir(join(folder, 'bin'));
    await copyFile(bin, join(folder, 'bin/reft-lab.mjs'));
    const elsewhere = await callNode([join(folder, 'bin/reft-lab.mjs'), '--version'], folder);
    expect(elsewhere.code).toBe(1);
    expect(elsewhere.stderr).toContain('npm run build:cli');
  });

  it('exits with 2 when it is called wrongly, and says how', async () => {
    const cases: [string[], string][] = [
      [[], 'Usage: reft-lab COMMAND'],
      [['trian'], 'There is no command "trian".'],
      [['data'], 'FILE is missing. See reft-lab data --help.'],
      [['grade', '--data', 'x'], '--out is missing. See reft-lab grade --help.'],
      [
        ['grade', '--data', 'x', '--out', 'y', '--set', 'extraction=odd'],
        'extraction is one of strict, lenient',
      ],
    ];
    for (const [argv, sentence] of cases) {
      const { code, stdout, stderr } = await call(...argv);
      expect(stderr).toContain(sentence);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    }
  });
});

describe('reft-lab data', () => {
  it('says format, rows, bad rows by line and the first rows', async () => {
    const good = { question: 'Ada has 2 pens and buys 3. How many?', answer: '2+3=<<2+3=5>>5\n#### 5' };
    await put('train.jsonl', `${lines([good])}\n{"question": "x",\n${lines([{ question: 'No answer?' }])}\n`);
    const json = await call('data', 'train.jsonl', '--json');
    expect(json.code).toBe(0);
    const made = JSON.parse(json.stdout) as {
      format: string;
      rows: number;
      bad: { line: number; reason: string }[];
      first: object[];
    };
    expect(made).toMatchObject({ format: 'gsm8k', rows: 3, usable: 1 });
    expect(made.bad.map(({ line }) => line)).toEqual([2, 3]);
    expect(made.bad.every(({ reason }) => reason.length > 20)).toBe(true);
    expect(made.first).toEqual([
      {
        id: expect.any(String) as string,
        prompt: 'Question:\nAda has 2 pens and buys 3. How many?\nAnswer reasoning:\n',
        target: '2+3=5\nTherefore, the answer is: 5',
        answer: '5',
      },
    ]);
    const text = await call('data', 'train.jsonl');
    expect(text.code).toBe(0);
    expect(text.stdout).toContain('format gsm8k, 3 rows, 1 usable, 2 bad');
    expect(text.stdout).toMatch(/line 2: .*\n {2}line 3: /);
  });

  it('refuses what is no data with one sentence, or as JSON, and exit code 1', async () => {
    await put('empty.jsonl', '');
    await put('page.html', '<html></html>');
    for (const file of ['empty.jsonl', 'page.html', 'missing.json', '.']) {
      const { code, stdout, stderr } = await call('data', file);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect(stderr).not.toContain('    at ');
      const json = await call('data', file, '--json');
      expect(json.code).toBe(1);
      expect(JSON.parse(json.stderr)).toEqual({ error: { code: 'bad_input', message: stderr.trim() } });
    }
  });
});

describe('reft-lab export', () => {
  it('writes a folder that the lab opens again, and ONNX, each with its card; never over another', async () => {
    const hf = await call('export', '--model', 'nano', '--format', 'hf', '--out', 'hf', '--json');
    expect(hf.stderr).toBe('');
    expect(JSON.parse(hf.stdout)).toMatchObject({ out: 'hf', format: 'hf' });
    expect((JSON.parse(hf.stdout) as { files: string[] }).files).toContain('model.safetensors');
    expect(await readFile(join(folder, 'hf/README.md'), 'utf8')).toContain('# nano');
    // From what was written, so it was read back.
    const onnx = await call('export', '--model', 'hf', '--format', 'onnx', '--out', 'onnx-folder');
    expect(onnx.code).toBe(0);
    expect((await readFile(join(folder, 'onnx-folder/onnx/model.onnx'))).length).toBeGreaterThan(800_000);
    const again = await call('export', '--model', 'nano', '--format', 'hf', '--out', 'hf');
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('hf is not empty');
    const odd = await call('export', '--model', 'nano', '--format', 'gguf', '--out', 'odd');
    expect(odd.code).toBe(2);
    expect(odd.stderr).toContain('--format is one of');
  });
});

describe('reft-lab grade', () => {
  const completion = (value: string) => `2+3=5\nTherefore, the answer is: ${value}`;

  it('extracts, compares and rewards by the rules of each row’s task', async () => {
    const rows = [
      { completion: completion('5'), answer_value: '5', note: 'kept' },
      { completion: completion('6'), answer_value: 5, item_id: 'svamp_1' },
      { completion: 'I do not know.', answer_value: '5.0', item_id: 'gsm8k_7' },
      { completion: completion('1,000'), answer_value: '1000', item_id: 'gsm8k_8' },
      { completion: completion('B'), answer_value: 'b', item_id: 'mathqa_9' },
    ];
    await put('in.jsonl', lines(rows));
    const { code, stdout } = await call('grade', '--data', 'in.jsonl', '--out', 'sub/out.jsonl', '--json');
    expect(code).toBe(0);
    const graded = (await readFile(join(folder, 'sub/out.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(graded).toMatchObject([
      { ...rows[0], extracted: '5', correct: true, reward: 1 },
      { ...rows[1], extracted: '6', correct: false, reward: 0.1 },
      { ...rows[2], extracted: null, correct: false, reward: 0 },
      { ...rows[3], extracted: null, correct: false, reward: 0 },
      { ...rows[4], extracted: 'b', correct: true, reward: 1 },
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ rows: 5, extracted: 3, correct: 2, accuracy: 0.4 });
  });

  it('reads more with extraction=lenient, and gives no part with partial_reward=false', async () => {
    await put(
      'in.jsonl',
      lines([
        { completion: completion('1,000'), answer_value: '1000' },
        { completion: completion('6'), answer_value: '5' },
      ]),
    );
    const settings = ['--set', 'extraction=lenient', '--set', 'partial_reward=false'];
    const { code } = await call('grade', '--data', 'in.jsonl', '--out', 'out.jsonl', ...settings);
    expect(code).toBe(0);
    const rewards = (await readFile(join(folder, 'out.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { reward: number }).reward);
    expect(rewards).toEqual([1, 0]);
  });

  it('runs programs, by themselves or as the body that was sampled', async () => {
    const whole = 'def solution():\n    pens = 2 + 3\n    return pens';
    await put(
      'programs.jsonl',
      lines([
        { completion: whole, answer_value: '5' },
        { completion: '    return 2 * 3', answer_value: '5' },
        { completion: '    return 1 / 0', answer_value: '5' },
      ]),
    );
    const argv = [
      'grade',
      '--data',
      'programs.jsonl',
      '--out',
      'out.jsonl',
      '--set',
      'programs=true',
      '--json',
    ];
    const { code, stdout } = await call(...argv);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ rows: 3, extracted: 2, correct: 1 });
  });

  it('names the line it cannot grade and writes nothing', async () => {
    const good = JSON.stringify({ completion: 'x', answer_value: '1' });
    const cases: [string, RegExp][] = [
      ['{"completion":', /line 17: not JSON/],
      ['[1]', /line 17: not a JSON object/],
      ['{"answer_value": "1"}', /line 17: "completion" is missing/],
      ['{"completion": 7, "answer_value": "1"}', /line 17: "completion" is not text/],
      ['{"completion": "x"}', /line 17: "answer_value" is missing/],
      ['{"completion": "x", "answer_value": "many"}', /line 17: "answer_value" is "many", not /],
      [
        '{"completion": "x", "answer_value": "1", "item_id": "odd_1"}',
        /line 17: the item_id "odd_1" names no known/,
      ],
    ];
    for (const [bad, sentence] of cases) {
      await put('bad.jsonl', `${`${good}\n`.repeat(16)}${bad}\n`);
      const { code, stderr } = await call('grade', '--data', 'bad.jsonl', '--out', 'never.jsonl');
      expect(stderr).toMatch(sentence);
      expect(code).toBe(1);
      await expect(readFile(join(folder, 'never.jsonl'))).rejects.toThrow();
    }
    await put('none.jsonl', '\n\n');
    expect((await call('grade', '--data', 'none.jsonl', '--out', 'never.jsonl')).stderr).toMatch(
      /has no rows/,
    );
    expect((await call('grade', '--data', 'none.jsonl', '--out', '.')).stderr).toMatch(/is a folder/);
  });
});
