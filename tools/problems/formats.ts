/** One problem in the four formats: GSM8K, SVAMP, and ReFT's own with N-CoT and with P-CoT. */
import { questionOf, valueOf, type Problem } from './problem';
import { withoutAnnotations, workOut } from './solution';
import type { Numbers, Operator, Step } from './template';

export interface Gsm8kRow {
  question: string;
  answer: string;
}

export interface SvampRow {
  ID: string;
  Body: string;
  Question: string;
  Equation: string;
  Answer: number;
  Type: string;
}

export interface ReftRow {
  item_id: string;
  question: string;
  answer_cot: string;
  answer_value: string;
}

/** Steps a line each with annotations, then `#### N`. */
export function toGsm8k(problem: Problem, largest: number): Gsm8kRow {
  const { lines, answer } = workOut(problem, largest);
  return { question: questionOf(problem), answer: `${lines.join('\n')}\n#### ${answer}` };
}

/** The row as SVAMP.json writes it; `number` counts from 1. Type is that of the last operation. */
export function toSvamp(problem: Problem, number: number): SvampRow {
  const { template, numbers, body, ask, answer } = problem;
  return {
    ID: `chal-${number}`,
    Body: body,
    Question: ask,
    Equation: equation(template.steps, numbers),
    Answer: answer,
    Type: TYPES[template.steps.at(-1)?.operator ?? '+'],
  };
}

/** The steps without annotations; "Therefore, the answer is:" is appended by whoever trains on it. */
export function toNaturalCot(problem: Problem, number: number, largest: number): ReftRow {
  const { lines, answer } = workOut(problem, largest);
  return reftRow(problem, number, withoutAnnotations(lines.join('\n')), answer);
}

/** The steps as a Python program that returns the answer. */
export function toProgramCot(problem: Problem, number: number): ReftRow {
  return reftRow(problem, number, program(problem), problem.answer);
}

function reftRow(problem: Problem, number: number, cot: string, answer: number): ReftRow {
  return {
    item_id: `gsm8k_${number}`,
    question: questionOf(problem),
    answer_cot: cot,
    answer_value: String(answer),
  };
}

const TYPES: Record<Operator, string> = {
  '+': 'Addition',
  '-': 'Subtraction',
  '*': 'Multiplication',
  '/': 'Common-Division',
};

/** `( ( 23.0 * 4.0 ) + 5.0 )`: the steps put into one another. */
function equation(steps: readonly Step[], numbers: Numbers): string {
  const written = new Map<string, string>();
  const write = (operand: string) => written.get(operand) ?? `${valueOf(operand, numbers)}.0`;
  for (const { name, left, operator, right } of steps) {
    written.set(name, `( ${write(left)} ${operator} ${write(right)} )`);
  }
  return written.get(steps.at(-1)?.name ?? '') ?? '';
}

function program(problem: Problem): string {
  const { template, numbers } = problem;
  const last = template.steps.at(-1)?.name ?? '';
  return [
    'def solution():',
    `    """${questionOf(problem)}"""`,
    ...Object.entries(numbers).map(([name, value]) => `    ${name} = ${value}`),
    ...template.steps.map(({ name, left, operator, right }) => {
      return `    ${name} = ${left} ${operator === '/' ? '//' : operator} ${right}`;
    }),
    `    result = ${last}`,
    '    return result',
  ].join('\n');
}
