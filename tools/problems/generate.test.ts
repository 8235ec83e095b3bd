import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BUNDLED_SEED, drawSplits, problemStream, nothingTaken, SPLIT_SIZES, SPLITS } from './draw_problems';
import { toGsm8k, toNaturalCot, toProgramCot, toSvamp } from './formats';
import { levelFiles } from './generate';
import { LEVELS, type LevelName } from './levels';
import { calculate, keyOf, questionOf, type Problem } from './problem';
import { Random } from './random';
import { withoutAnnotations, workOutWrongly } from './solution';
import { TEMPLATES } from './stories/index';
import type { Operator } from './template';

const bundled = (path: string) =>
  readFileSync(join(import.meta.dirname, '../../public/problems', path), 'utf8');

/** The value of a sum or product as it stands in an annotation: terms of one kind of operator, left to right. */
function evaluate(formula: string): number {
  const [first, ...rest] = formula.split(/([-+*/])/);
  let value = Number(first);
  for (let i = 0; i < rest.length; i += 2) value = calculate(value, rest[i] as Operator, Number(rest[i + 1]));
  return value;
}

describe.each(Object.keys(LEVELS) as LevelName[])('problems of level %s', (levelName) => {
  const { largest } = LEVELS[levelName];
  const splits = drawSplits(levelName, BUNDLED_SEED);
  const all = SPLITS.flatMap((split) => splits[split]);

  it('the bundled files are byte for byte what the seed gives', () => {
    for (const [name, text] of Object.entries(levelFiles(levelName, BUNDLED_SEED))) {
      expect(bundled(`${levelName}/${name}`) === text, `${levelName}/${name}`).toBe(true);
    }
  });

  it('another seed gives other problems', () => {
    expect(questionOf(drawSplits(levelName, 7).train[0] as Problem)).not.toBe(
      questionOf(splits.train[0] as Problem),
    );
  });

  it('has the promised number of problems and no overlap in text or in template and numbers', () => {
    for (const split of SPLITS) expect(splits[split]).toHaveLength(SPLIT_SIZES[split]);
    expect(new Set(all.map(questionOf)).size).toBe(all.length);
    expect(new Set(all.map(keyOf)).size).toBe(all.length);
  });

  it('uses every template of the level, with one to four steps and all four operations', () => {
    const used = new Set(all.map((problem) => problem.template.id));
    const wanted = TEMPLATES.filter((template) => template.levels.includes(levelName));
    expect(used.size).toBe(wanted.length);
    expect(new Set(wanted.flatMap((template) => template.steps.map((s) => s.operator))).size).toBe(4);
    for (const template of wanted) expect(template.steps.length).toBeLessThanOrEqual(4);
  });

  it('every annotation is true, and the answer is the result of the last one', () => {
    for (const problem of all) {
      const { answer } = toGsm8k(problem, largest);
      const annotations = [...answer.matchAll(/<<([^=>]+)=(\d+)>>(\d+)/g)];
      for (const [text, formula, result, shown] of annotations) {
        expect(evaluate(formula ?? ''), text).toBe(Number(result));
        expect(shown).toBe(result);
      }
      expect(answer.split('\n').at(-1)).toBe(`#### ${annotations.at(-1)?.[2]}`);
      expect(problem.answer).toBe(Number(annotations.at(-1)?.[2]));
    }
  });

  it('mentions every number it works with and leaves no placeholder', () => {
    for (const problem of all) {
      const question = questionOf(problem);
      for (const value of Object.values(problem.numbers))
        expect(question).toMatch(new RegExp(`\\b${value}\\b`));
      expect(question + toGsm8k(problem, largest).answer).not.toMatch(/[{}]|undefined/);
      expect(problem.ask).toMatch(/^How .*\?$/);
    }
  });

  it('the four formats describe the same problem', () => {
    for (const [index, problem] of all.entries()) {
      const gsm8k = toGsm8k(problem, largest);
      const svamp = toSvamp(problem, index + 1);
      const natural = toNaturalCot(problem, index, largest);
      const program = toProgramCot(problem, index);
      expect(`${svamp.Body} ${svamp.Question}`).toBe(gsm8k.question);
      expect(natural.question).toBe(gsm8k.question);
      expect(program.question).toBe(gsm8k.question);
      expect(`${natural.answer_cot}\n#### ${natural.answer_value}`).toBe(withoutAnnotations(gsm8k.answer));
      expect(svamp.Answer).toBe(Number(natural.answer_value));
      expect(program.answer_value).toBe(natural.answer_value);
      expect(Object.keys(svamp)).toEqual(['ID', 'Body', 'Question', 'Equation', 'Answer', 'Type']);
    }
  });

  it('every SVAMP equation and every program evaluates to the answer', () => {
    const rows = all.map((problem, index) => ({
      program: toProgramCot(problem, index),
      svamp: toSvamp(problem, index + 1),
    }));
    expect(
      rows.flatMap(({ svamp }) => (evaluateNested(svamp.Equation) === svamp.Answer ? [] : [svamp.ID])),
    ).toEqual([]);
    const python = [
      'import json, sys',
      'for row in json.load(sys.stdin):',
      '    scope = {}',
      "    exec(row['answer_cot'], scope)",
      "    if float(scope['solution']()) != float(row['answer_value']): print(row['item_id'])",
    ].join('\n');
    const input = JSON.stringify(rows.map(({ program }) => program));
    const { error, status, stdout, stderr } = spawnSync('python3', ['-c', python], {
      input,
      encoding: 'utf8',
    });
    if (error) {
      console.warn(
        'python3 is not installed here: the programs are evaluated line by line in TypeScript only',
      );
    } else {
      expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
    }
    for (const { program } of rows) expect(runProgram(program.answer_cot)).toBe(Number(program.answer_value));
  });

  it('a spoilt solution never has the right answer', () => {
    const random = new Random(3);
    const stream = problemStream(levelName, 3, nothingTaken());
    for (let i = 0; i < 500; i++) {
      const problem = stream.next().value as Problem;
      const { lines, answer } = workOutWrongly(problem, largest, random);
      expect(answer).not.toBe(problem.answer);
      expect(lines.length).toBeGreaterThan(0);
    }
  });
});

describe('catalogue', () => {
  it('names files that are there and are not empty', () => {
    const { levels } = JSON.parse(bundled('index.json')) as {
      levels: { counts: Record<string, number>; files: Record<string, Record<string, string>> }[];
    };
    for (const { files, counts } of levels) {
      for (const bySplit of Object.values(files)) {
        for (const [split, path] of Object.entries(bySplit)) {
          const text = bundled(path);
          const rows = path.endsWith('.jsonl') ? text.trim().split('\n') : (JSON.parse(text) as unknown[]);
          expect(rows).toHaveLength(counts[split] ?? 0);
        }
      }
    }
  });
});

/** `( ( 23.0 * 4.0 ) + 5.0 )`, innermost brackets first. */
function evaluateNested(equation: string): number {
  let text = equation;
  while (text.includes('(')) {
    text = text.replace(
      /\( ([\d.]+) ([-+*/]) ([\d.]+) \)/,
      (_, left: string, operator: string, right: string) =>
        String(calculate(Number(left), operator as Operator, Number(right))),
    );
  }
  return Number(text);
}

/** Runs the assignments of a program, one operator a line. */
function runProgram(source: string): number {
  const values = new Map<string, number>();
  const read = (operand: string) => values.get(operand) ?? Number(operand);
  for (const [, name, left, operator, right] of source.matchAll(
    /^ {4}(\w+) = (\w+)(?: (\+|-|\*|\/\/) (\w+))?$/gm,
  )) {
    const value = operator
      ? calculate(read(left ?? ''), operator[0] as Operator, read(right ?? ''))
      : read(left ?? '');
    values.set(name ?? '', value);
  }
  return values.get('result') ?? NaN;
}
