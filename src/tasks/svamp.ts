/**
 * SVAMP (Patel et al. 2021, arXiv:2103.07191): varied one-step problems, a test set without chain of thought. A row of
 * SVAMP.json looks so (this one written for the purpose; the missing final period of Body occurs):
 *
 *   {"ID": "chal-1", "Body": "Each box holds 12 pens. If a box is sold at 3 dollars less",
 *    "Question": "How many pens are in 2 boxes?", "Equation": "( 12.0 * 2.0 )", "Answer": 24.0,
 *    "Type": "Multiplication"}
 */
import { numericRules } from './numeric';
import { missing, textField } from './row';
import type { Parsed, Task } from './task';

export const svamp: Task = { id: 'svamp', label: 'SVAMP', ...numericRules };

/** One row: the question is Body, with its final period put back where it is missing, then Question. */
export function parseSvamp(row: Record<string, unknown>, line: number): Parsed {
  const body = textField(row, 'Body');
  if (body === null) return missing('Body');
  const asked = textField(row, 'Question');
  if (asked === null) return missing('Question');
  if (row['Answer'] === undefined || row['Answer'] === null) return missing('Answer');
  const answer = svamp.gold(row['Answer']);
  if (answer === null) {
    return {
      reason: `The Answer is ${JSON.stringify(row['Answer'])}, which is no number. Write a number, or remove the row.`,
    };
  }
  const story = /[.!?]["')\]]*$/.test(body) ? body : `${body}.`;
  const id = textField(row, 'ID') ?? `svamp_${line}`;
  return { problem: { id, task: 'svamp', question: `${story} ${asked}`, answer, line } };
}
