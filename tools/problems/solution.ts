/** The worked solution of a problem, right or spoilt, as lines with GSM8K's `<<48/2=24>>` annotations. */
import { calculate, solve, tell, valueOf, type Problem } from './problem';
import type { Random } from './random';
import type { Numbers, Operator, Step } from './template';

export interface Solution {
  lines: string[];
  answer: number;
}

/** `23*4` as `23*4=<<23*4=92>>92`, with the result that is claimed. */
const annotated = (formula: string, result: number): string => `${formula}=<<${formula}=${result}>>${result}`;

/** Takes the annotations out again, as the N-CoT target has it. */
export const withoutAnnotations = (text: string): string => text.replace(/<<[^>]*>>/g, '');

/** The right solution. */
export function workOut(problem: Problem, largest: number): Solution {
  const values = solve(problem.template.steps, problem.numbers, largest);
  if (!values) throw new Error(`${problem.template.id}: the steps do not work out`);
  return write(problem, problem.template.steps, values);
}

function write(problem: Problem, steps: readonly Step[], values: Numbers): Solution {
  const lines: string[] = [];
  let answer = 0;
  for (const step of steps) {
    const left = valueOf(step.left, values);
    const right = valueOf(step.right, values);
    answer = valueOf(step.name, values);
    const parts = problem.decomposed && step.operator === '*' ? decompose(left, right) : [];
    if (parts.length > 1) lines.push(`${listed(parts.map(([part, product]) => annotated(part, product)))}.`);
    const formula =
      parts.length > 1 ? parts.map(([, product]) => product).join('+') : `${left}${step.operator}${right}`;
    lines.push(tell(step.says, problem.words, problem.numbers).replace('{}', annotated(formula, answer)));
  }
  return { lines, answer };
}

/** 23*4 as [20*4, 80] and [3*4, 12]; empty where neither factor has one digit. */
function decompose(left: number, right: number): [string, number][] {
  const [large, small] = left > right ? [left, right] : [right, left];
  if (small > 9) return [];
  const digits = [...String(large)];
  return digits
    .map((digit, place) => Number(digit) * 10 ** (digits.length - 1 - place))
    .filter((part) => part > 0)
    .map((part) => [`${part}*${small}`, part * small]);
}

const listed = (parts: string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;

/**
 * A solution with one mistake in it, carried through to the end, for pretraining only:
 * the wrong operation, a wrong number of the story, a last step forgotten, or a slip in the sum.
 */
export function workOutWrongly(problem: Problem, largest: number, random: Random): Solution {
  const right = problem.answer;
  for (;;) {
    const kind = random.pick(['operator', 'operand', 'stop', 'slip', 'slip'] as const);
    const steps = problem.template.steps.map((step) => ({ ...step }));
    const index = random.int(0, steps.length - 1);
    const spoilt = steps[index];
    if (!spoilt) continue;
    if (kind === 'stop' && steps.pop() === undefined) continue;
    if (steps.length === 0) continue;
    if (kind === 'operator') spoilt.operator = otherOperator(spoilt.operator, random);
    if (kind === 'operand')
      spoilt[random.pick(['left', 'right'] as const)] = random.pick(Object.keys(problem.numbers));
    const values =
      kind === 'slip' ? slip(steps, problem.numbers, index, random) : solve(steps, problem.numbers, largest);
    if (!values) continue;
    const solution = write(problem, steps, values);
    if (solution.answer !== right) return solution;
  }
}

function otherOperator(operator: Operator, random: Random): Operator {
  return random.pick((['+', '-', '*', '/'] as const).filter((other) => other !== operator));
}

/** Solves with the result of one step off by a little. */
function slip(steps: readonly Step[], numbers: Numbers, index: number, random: Random): Numbers | null {
  const values: Numbers = { ...numbers };
  for (const [place, { name, left, operator, right }] of steps.entries()) {
    const error = place === index ? random.pick([-10, -2, -1, 1, 2, 10]) : 0;
    const value = calculate(valueOf(left, values), operator, valueOf(right, values)) + error;
    if (!Number.isInteger(value) || value < 1) return null;
    values[name] = value;
  }
  return values;
}
