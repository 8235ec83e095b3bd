/**
 * MathQA (Amini et al. 2019, arXiv:1905.13319): multiple choice. A row looks so (this one written for the purpose):
 *
 *   {"Problem": "a train runs 120 km in 2 hours . what is its speed in km / h ?",
 *    "Rationale": "\"explanation : 120 / 2 = 60 answer : b\"",
 *    "options": "a ) 50 , b ) 60 , c ) 70 , d ) 80 , e ) none of these", "correct": "b",
 *    "annotated_formula": "divide(120, 2)", "linear_formula": "divide(n0,n1)|", "category": "physics"}
 */
import { afterTrigger, PARTIAL_REWARD } from './numeric';
import { missing, textField } from './row';
import type { Parsed, Task } from './task';

export const mathqa: Task = {
  id: 'mathqa',
  label: 'MathQA (multiple choice)',
  gold: (answer) => {
    const letter = typeof answer === 'string' ? plainLetter(answer) : '';
    return letter === '' ? null : letter;
  },
  goldIs: 'the letter of an option',
  extract: (completion) => {
    const text = afterTrigger(completion);
    return text === null ? null : plainLetter(text);
  },
  extractReturned: plainLetter,
  isCorrect: (extracted, answer) => extracted === plainLetter(answer),
  // The paper gives no partial reward for multiple choice; its code, which is the default here, never gives less than
  // 0.1, even where nothing can be read. `partial_reward` false is the paper.
  reward: (_extracted, correct, options) => (correct ? 1 : options.partial_reward ? PARTIAL_REWARD : 0),
};

/** Lower case, quotes removed (reft.md's table). */
function plainLetter(text: string): string {
  return text.toLowerCase().replace(/["']/g, '').trim();
}

/** One row: the options belong to the question, the rationale is the chain of thought. */
export function parseMathqa(row: Record<string, unknown>, line: number): Parsed {
  const problem = textField(row, 'Problem');
  if (problem === null) return missing('Problem');
  const options = optionsOf(row['options']);
  if (options === null) return missing('options');
  const correct = textField(row, 'correct');
  if (correct === null) return missing('correct');
  const answer = plainLetter(correct);
  if (!/^[a-e]$/.test(answer)) {
    return {
      reason: `The field "correct" is ${JSON.stringify(correct)}, which is no option from a to e. Write the letter, or remove the row.`,
    };
  }
  const cot =
    textField(row, 'Rationale')
      ?.replace(/^["']+|["']+$/g, '')
      .trim() ?? '';
  const id = textField(row, 'id') ?? `mathqa_${line}`;
  const question = `${problem}\nAnswer options: ${options}`;
  return { problem: { id, task: 'mathqa', question, answer, line, ...(cot === '' ? {} : { cot }) } };
}

/** Options as one line, from "a ) 50 , b ) 60" or ["a ) 50", "b ) 60"], also when that list is a Python string. */
function optionsOf(value: unknown): string | null {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  const text = list
    .filter((option): option is string => typeof option === 'string')
    .join(' , ')
    .trim()
    .replace(/^\[|\]$/g, '')
    .replace(/['"]/g, '')
    .replace(/\s*,\s*(?=[a-e]\s*\))/g, ' , ');
  return text === '' ? null : text;
}
