import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { wilson } from '../evaluate/interval';
import type { CompletionRecord, EvaluationRecord } from '../runs/run';
import { RunWriter } from '../runs/run_writer';
import { exampleRecord } from '../runs/testing';
import { main } from './main';
import { NodeFolder } from './node_folder';
import { table } from './table';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'reft-lab-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

type Split = 'validation' | 'test';

/** Writes a finished run that answered `right` of the problems, on validation at steps 10 and 20, or on a test set. */
async function writeRun(name: string, split: Split, right: readonly boolean[], prefix = 'gsm8k') {
  const evaluation = (step: number, answers: readonly boolean[]): EvaluationRecord => {
    const correct = answers.filter(Boolean).length;
    return { step, split, n: answers.length, correct, ...wilson(correct, answers.length) };
  };
  const worse = right.map(() => false);
  const record = exampleRecord({ name, status: 'done', step: 20, total_steps: 20, seconds: { train: 75 } });
  if (split === 'test') record.test = evaluation(20, right);
  else Object.assign(record, { best: evaluation(10, right), validation: evaluation(20, worse) });
  const writer = await RunWriter.create(new NodeFolder(join(root, name)), record, ['loss']);
  const rows = (step: number, answers: readonly boolean[]) =>
    answers.map((correct, i): CompletionRecord => ({
      step,
      split,
      problem: `${prefix}_${i}`,
      question: `How many, ${prefix} ${i}?`,
      completion: '',
      answer: '1',
      extracted: correct ? '1' : null,
      correct,
      reward: Number(correct),
      length: 1,
      finish: 'eos',
    }));
  await writer.completions(split === 'test' ? rows(20, right) : [...rows(10, right), ...rows(20, worse)]);
}

/** Calls `reft-lab` in this process and gives what it printed. */
async function run(...argv: string[]) {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      said[stream] += String(text);
      return true;
    }),
  );
  try {
    const code = await main(argv);
    return { code, ...said };
  } finally {
    spies.forEach((spy) => spy.mockRestore());
  }
}

describe('reft-lab compare', () => {
  it('pairs two runs on validation at each run’s best step', async () => {
    await writeRun('SFT', 'validation', [true, true, false, false, false, false, false, false]);
    await writeRun('ReFT', 'validation', [true, false, true, true, true, true, true, true]);
    const { code, stdout } = await run('compare', join(root, 'SFT'), join(root, 'ReFT'), '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      split: 'validation',
      n: 8,
      both: 1,
      neither: 0,
      gained: 6,
      lost: 1,
      p: expect.closeTo(0.125, 12) as number,
      runs: [
        { name: 'SFT', best: { step: 10, accuracy: 0.25 }, seconds: 75 },
        { name: 'ReFT', best: { step: 10, accuracy: 0.875 } },
      ],
    });
    const text = await run('compare', join(root, 'SFT'), join(root, 'ReFT'));
    expect(text.stdout).toContain('25.0 % (2/8)');
    expect(text.stdout).toContain('87.5 % (7/8)');
    expect(text.stdout).toContain('1:15');
    expect(text.stdout).toMatch(
      /On validation: ReFT answers 6 problems right that SFT gets wrong, and loses 1 \(p = 0\.1/,
    );
  });

  it('prefers the test set, and refuses runs graded on different problems', async () => {
    await writeRun('a', 'test', [true, false]);
    await writeRun('b', 'test', [true, true]);
    await writeRun('c', 'test', [true, true], 'svamp');
    const ab = await run('compare', join(root, 'a'), join(root, 'b'), '--json');
    expect(JSON.parse(ab.stdout)).toMatchObject({ split: 'test', n: 2, gained: 1, lost: 0, p: 1 });
    const ac = await run('compare', join(root, 'a'), join(root, 'c'));
    expect(ac).toMatchObject({ code: 1, stdout: '' });
    expect(ac.stderr).toContain('a and c were not graded on the same problems');
  });

  it('refuses what is no run', async () => {
    const none = await run('compare', join(root, 'nowhere'), root);
    expect(none.code).toBe(1);
    expect(none.stderr).toContain('There is no folder');
    await writeRun('a2', 'test', [true]);
    const other = await run('compare', join(root, 'a2'), root);
    expect(other.code).toBe(1);
    expect(other.stderr).toContain(`${root}: There is no run.json here`);
    expect((await run('compare', 'one')).code).toBe(2);
  });
});

describe('a table', () => {
  it('has numbers to the right and text to the left', () => {
    expect(
      table([
        ['run', 'steps'],
        ['SFT', '5'],
        ['ReFT 2', '140'],
      ]),
    ).toBe('run     steps\n------  -----\nSFT         5\nReFT 2    140');
  });
});
