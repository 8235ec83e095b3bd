import { describe, expect, it } from 'vitest';
import { TASKS } from './all';
import { extractAnswer, gradeAll, gradeAnswer, isCorrect } from './grade';
import { goldNumber, parsePythonFloat, readNumber, sameNumber } from './numbers';
import { isProgram, programOf } from './program';
import { asPrograms, promptOf, samplingPromptOf, targetOf } from './prompt';
import { taskOfItem } from './reft';
import type { GradeOptions, Problem, ProgramRunner } from './task';

const STRICT: GradeOptions = { extraction: 'strict', partial_reward: true };
const problem: Problem = { id: 'gsm8k_1', task: 'gsm8k', question: 'How many?', cot: 'Steps.', answer: '72' };
const choice: Problem = { id: 'mathqa_1', task: 'mathqa', question: 'Which?', answer: 'b' };
const program: Problem = { ...problem, cot: 'def solution():\n    return 72', program: true };

describe('parsePythonFloat', () => {
  // What Python 3's float() makes of each.
  const read: [string, number][] = [
    ['72', 72], ['72.0', 72], [' 72 \n', 72], ['1e3', 1000], ['-.5', -0.5], ['5.', 5], ['+1_000.5', 1000.5], ['1E-2', 0.01],
    ['inf', Infinity], ['-Infinity', -Infinity], ['nan', NaN], ['-NaN', NaN], ['007', 7], ['1_0e1_0', 1e11],
  ]; // prettier-ignore
  it.each(read)('reads %j', (text, value) => expect(parsePythonFloat(text)).toBe(value));
  const raises = [
    '',
    ' ',
    '1,000',
    '$5',
    '72 apples',
    '1/2',
    '_1',
    '1_',
    '1__0',
    '.',
    '1e',
    '0x10',
    'infinite',
    '+-1',
    '5%',
    '.e1',
    '1._5',
  ];
  it.each(raises)('does not read %j', (text) => expect(parsePythonFloat(text)).toBeNull());
});

describe('readNumber', () => {
  const lenient: [string, string | null][] = [
    [' 1,000', '1000'], ['$5', '5'], ['72.', '72.'], ['-$1,234.50.', '-1234.50'], ['$-3', '-3'], ['72 apples', '72'],
    ['about 3.5 hours.', '3.5'], ['<203>.', '203'], ['1/2', null], ['1,0000', null], ['x2', null], ['none', null],
    ['10:30', null], ['50%', '50'], ['**18**', '18'], ['.5 l', '.5'], ['1e3', '1e3'],
  ]; // prettier-ignore
  it.each(lenient)('lenient reads %j as %j', (text, value) =>
    expect(readNumber(text, 'lenient')).toBe(value),
  );
  it('strict reads only whole numbers', () => {
    expect(readNumber(' 72.0\n', 'strict')).toBe('72.0');
    expect(readNumber('1,000', 'strict')).toBeNull();
    expect(readNumber('$5', 'strict')).toBeNull();
  });
});

describe('numeric answers', () => {
  it('are those after the last trigger', () => {
    const twice = 'Therefore, the answer is: 5\nNo.\nTherefore, the answer is: 72.0';
    expect(extractAnswer('gsm8k', twice, 'strict')).toBe('72.0');
    expect(extractAnswer('gsm8k', 'It is 72', 'strict')).toBeNull();
    expect(extractAnswer('gsm8k', '72', 'lenient')).toBeNull();
    expect(extractAnswer('svamp', `${twice}\nTherefore, the answer is:`, 'strict')).toBeNull();
    expect(extractAnswer('mathqa-numeric', 'Therefore, the answer is: 72\nQuestion:', 'strict')).toBeNull();
  });

  it('are equal within 0.01', () => {
    expect(sameNumber('72.005', '72')).toBe(true);
    expect(sameNumber('72.02', '72')).toBe(false);
    expect(sameNumber('0.01', '0')).toBe(true);
    expect(sameNumber('inf', 'inf')).toBe(false);
    expect(sameNumber('nan', 'nan')).toBe(false);
    expect(isCorrect(null, problem)).toBe(false);
  });

  it('earn 1, 0.1 or 0', () => {
    expect(gradeAnswer('72', problem, STRICT)).toEqual({ extracted: '72', correct: true, reward: 1 });
    expect(gradeAnswer('71', problem, STRICT).reward).toBe(0.1);
    expect(gradeAnswer('nan', problem, STRICT).reward).toBe(0.1);
    expect(gradeAnswer(null, problem, STRICT).reward).toBe(0);
    expect(gradeAnswer('71', problem, { ...STRICT, partial_reward: false }).reward).toBe(0);
  });

  it('of files lose their thousands commas', () => {
    expect(goldNumber('109,200,000')).toBe('109200000');
    expect(goldNumber(51.0)).toBe('51');
    expect(goldNumber('12,34')).toBeNull();
    expect(goldNumber('inf')).toBeNull();
    expect(goldNumber(null)).toBeNull();
  });
});

describe('multiple choice', () => {
  it('compares lower case without quotes', () => {
    const extracted = extractAnswer('mathqa', 'x\nTherefore, the answer is: "B"\n', 'strict');
    expect(gradeAnswer(extracted, choice, STRICT)).toEqual({ extracted: 'b', correct: true, reward: 1 });
  });
  it('never earns less than 0.1, as the code does, unless partial reward is off, as in the paper', () => {
    expect(gradeAnswer('c', choice, STRICT).reward).toBe(0.1);
    expect(gradeAnswer(null, choice, STRICT)).toEqual({ extracted: null, correct: false, reward: 0.1 });
    expect(gradeAnswer('c', choice, { ...STRICT, partial_reward: false }).reward).toBe(0);
  });
});

describe('prompt and target', () => {
  it('are the templates of ReFT', () => {
    expect(promptOf(problem)).toBe('Question:\nHow many?\nAnswer reasoning:\n');
    expect(samplingPromptOf(problem)).toBe(promptOf(problem));
    expect(targetOf(problem)).toBe('Steps.\nTherefore, the answer is: 72');
    expect(targetOf(choice)).toBeNull();
  });
  it('of programs are code, sampled behind the docstring', () => {
    expect(targetOf(program)).toBe('def solution():\n    return 72');
    expect(samplingPromptOf(program)).toBe(
      'Question:\nHow many?\nAnswer reasoning:\ndef solution():\n    """How many?"""\n',
    );
    expect(asPrograms([problem, program])).toEqual([
      { id: 'gsm8k_1', task: 'gsm8k', question: 'How many?', answer: '72', program: true },
      program,
    ]);
  });
  it('names the task by prefix', () => {
    expect(taskOfItem('mathqa-numeric_12')).toBe('mathqa-numeric');
    expect(taskOfItem('gsm8k')).toBeNull();
    expect(taskOfItem('toString_1')).toBeNull();
  });
  it('grades each own target as correct', () => {
    for (const task of Object.values(TASKS)) {
      const gold: Problem = { ...problem, task: task.id, answer: task.id === 'mathqa' ? 'c' : '12.5' };
      const extracted = extractAnswer(task.id, targetOf(gold) ?? '', 'strict');
      expect(gradeAnswer(extracted, gold, STRICT).reward).toBe(1);
    }
  });
});

describe('programs', () => {
  it('are a body, or bring their own header; they end at the first blank line', () => {
    expect(programOf('    return 1\n  \ndef solution():\n    return 2')).toBe(
      'def solution():\n    return 1',
    );
    expect(programOf('\ndef solution():\n    return 2\n\nprint()')).toBe('def solution():\n    return 2');
    expect(programOf('import math\ndef solution():\n    return math.pi')).toContain('import math\ndef');
    expect(programOf('')).toBe('def solution():');
    expect(isProgram('The def solution(): is')).toBe(false);
  });

  it('run all in one call, and their value is graded', async () => {
    const asked: string[][] = [];
    const runner: ProgramRunner = {
      run: async (programs) => {
        asked.push([...programs]);
        return ['72.0', '71', null, 'many'];
      },
    };
    const completions = ['    return 72.0', '    return 71', '    return 1/0', '    return "many"'];
    const items = completions.map((completion) => ({ problem: program, completion }));
    const natural = { problem, completion: 'Therefore, the answer is: 72' };
    const grades = await gradeAll([natural, ...items], STRICT, runner);
    expect(grades.map((grade) => grade.reward)).toEqual([1, 1, 0.1, 0, 0]);
    expect(asked).toHaveLength(1);
    await expect(gradeAll(items, STRICT)).rejects.toMatchObject({ code: 'unsupported' });
    await expect(gradeAll([natural], STRICT)).resolves.toHaveLength(1);
  });
});
