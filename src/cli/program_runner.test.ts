import { afterAll, describe, expect, it } from 'vitest';
import { openDataset } from '../data/open';
import { realOrOwn } from '../data/testing';
import { gradeAll } from '../tasks/grade';
import { programOf } from '../tasks/program';
import { programHeader, targetOf } from '../tasks/prompt';
import { createRunner } from '../tasks/python/runner';
import type { GradeOptions } from '../tasks/task';
import { nodeProgramRunner } from './program_runner';

const STRICT: GradeOptions = { extraction: 'strict', partial_reward: true };
const notices: string[] = [];
const runner = nodeProgramRunner({ limitSeconds: 3, workers: 1, notice: (text) => notices.push(text) });
afterAll(() => runner.close());

const body = (...lines: string[]) => programOf(lines.map((line) => `    ${line}`).join('\n'));

describe('Python programs on Node', () => {
  it('return numbers and text; every failure is null', async () => {
    const cases: [string, string | null][] = [
      [body('a = 3', 'return a * 4'), '12.0'],
      [body('return math.sqrt(16)'), '4.0'],
      [body('import math', 'return math.floor(2.7)'), '2.0'],
      [body('from fractions import Fraction', 'return Fraction(1, 4)'), '0.25'],
      [body('return True'), '1.0'],
      [body('print("noise")', 'return "b"'), 'b'],
      [body('return float("inf")'), 'inf'],
      [body('pass'), null],
      [body('return [1]'), null],
      [body('return 1 / 0'), null],
      [body('return 10 ** 400'), null],
      [body('return undefined_name'), null],
      [body('import os', 'return 1'), null],
      [body('import js', 'return 1'), null],
      [body('raise SystemExit'), null],
      [body('return open("x")'), null],
      [body('def f(n):', '    return f(n + 1)', 'return f(0)'), null],
      ['def solution(:', null],
      ['x = 1', null],
      ['', null],
    ];
    expect(await runner.run(cases.map(([program]) => program))).toEqual(cases.map(([, value]) => value));
  });

  it('are stopped at the limit, and the next one runs on a new interpreter', async () => {
    const started = performance.now();
    const results = await runner.run([body('while True: pass'), body('return 7')]);
    expect(results).toEqual([null, '7.0']);
    expect(performance.now() - started).toBeGreaterThan(2900);
  });

  it('do not see each other', async () => {
    const leak = 'import math\nmath.pi = 3\nseen = 1\ndef solution():\n    return seen';
    expect(await runner.run([leak, body('return seen')])).toEqual(['1.0', null]);
  });

  it('may use sympy where it can be loaded; where not, it is said and the program gives null', async () => {
    const [value] = await runner.run([
      body('import sympy', 'x = sympy.Symbol("x")', 'return sympy.solve(x - 5, x)[0]'),
    ]);
    if (notices.length === 0) expect(value).toBe('5.0');
    else {
      expect(value).toBeNull();
      expect(notices).toEqual([expect.stringMatching(/sympy could not be loaded/)]);
    }
    expect(await runner.run([body('return 1')])).toEqual(['1.0']);
  });

  const file = realOrOwn('mwp_reft/svamp_python_sdp.json', 'standard/train.pcot.json');
  it(`grades programs of ${file.shown}`, async () => {
    const { problems } = await openDataset(file.name, file.bytes);
    const chosen = problems.slice(0, 200);
    const whole = chosen.map((problem) => ({ problem, completion: targetOf(problem) ?? '' }));
    const sampled = chosen.map((problem) => {
      const header = programHeader(problem.question);
      const program = problem.cot ?? '';
      return { problem, completion: program.startsWith(header) ? program.slice(header.length) : program };
    });
    for (const items of [whole, sampled]) {
      const grades = await gradeAll(items, STRICT, runner);
      expect(grades.filter((grade) => grade.correct)).toHaveLength(200);
    }
    const wrong = { problem: chosen[0]!, completion: '    return -1' };
    expect((await gradeAll([wrong], STRICT, runner))[0]).toEqual({
      extracted: '-1.0',
      correct: false,
      reward: 0.1,
    });
  });
});

describe('a runner whose Python does not load', () => {
  it('says so', async () => {
    const broken = createRunner((hear) => {
      queueMicrotask(() => hear({ type: 'failed', message: 'no such file' }));
      return { post: () => undefined, terminate: () => undefined };
    });
    await expect(broken.run(['x', 'y', 'z'])).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/Python could not be loaded \(no such file\)/) as string,
    });
  });

  it('gives null for what still waits when it is closed', async () => {
    const silent = createRunner(() => ({ post: () => undefined, terminate: () => undefined }));
    const results = silent.run(['x', 'y']);
    silent.close();
    expect(await results).toEqual([null, null]);
  });
});
