/**
 * GSM8K (Cobbe et al. 2021, arXiv:2110.14168): grade-school word problems with steps. A row of train.jsonl looks so
 * (this one written for the purpose):
 *
 *   {"question": "Ada has 3 bags with 4 shells each and finds 2 more. How many shells has she?",
 *    "answer": "The bags hold 3*4 = <<3*4=12>>12 shells.\nShe has 12+2 = <<12+2=14>>14 shells.\n#### 14"}
 */
import { numericRules } from './numeric';
import { missing, textField } from './row';
import type { Parsed, Task } from './task';

export const gsm8k: Task = { id: 'gsm8k', label: 'GSM8K', ...numericRules };

const ANSWER_LINE = /^####(.*)$/gm;
const ANNOTATION = /<<[^<>\n]*>>/g;

/**
 * One row: the lines before "#### N" are the chain of thought, N without thousands commas is the answer.
 * @param keepAnnotations leaves `<<48/2=24>>` in the chain of thought; otherwise they are taken out
 */
export function parseGsm8k(row: Record<string, unknown>, line: number, keepAnnotations: boolean): Parsed {
  const question = textField(row, 'question');
  if (question === null) return missing('question');
  const text = textField(row, 'answer');
  if (text === null) return missing('answer');
  const last = [...text.matchAll(ANSWER_LINE)].at(-1);
  if (last === undefined) {
    return {
      reason: 'The answer has no line "#### N" with the result. Add it as the last line, or remove the row.',
    };
  }
  const value = (last[1] ?? '').trim();
  const answer = gsm8k.gold(value);
  if (answer === null) {
    return {
      reason: `The answer after "####" is ${JSON.stringify(value)}, which is no number. Write digits only, or remove the row.`,
    };
  }
  const steps = text.slice(0, last.index).trim();
  const cot = keepAnnotations ? steps : steps.replace(ANNOTATION, '');
  const id = textField(row, 'id') ?? `gsm8k_${line}`;
  return { problem: { id, task: 'gsm8k', question, answer, line, ...(cot === '' ? {} : { cot }) } };
}
