/**
 * ReFT's own rows (reference code of arXiv:2401.08967), for every task, with natural-language or program CoT; the
 * item_id's prefix names the task. Rows look so (written for the purpose):
 *
 *   {"item_id": "svamp_3", "question": "Ada has 5 shells and finds 2 more. How many shells has she?",
 *    "answer_cot": "She has 5 + 2 = 7 shells.", "answer_value": "7.0"}
 *   {"item_id": "svamp_3", "question": "…", "answer_value": "7.0",
 *    "answer_cot": "def solution():\n    \"\"\"…\"\"\"\n    before = 5\n    found = 2\n    return before + found"}
 */
import { TASKS } from './all';
import { isProgram } from './program';
import { missing, textField } from './row';
import type { Parsed, Problem, TaskId } from './task';

/** The task an item_id names by its prefix, or null. */
export function taskOfItem(itemId: string): TaskId | null {
  const prefix = itemId.slice(0, Math.max(0, itemId.lastIndexOf('_')));
  return Object.hasOwn(TASKS, prefix) ? (prefix as TaskId) : null;
}

/** One row; without answer_cot it serves evaluation and RL. */
export function parseReft(row: Record<string, unknown>, line: number): Parsed {
  const id = textField(row, 'item_id');
  if (id === null) return missing('item_id');
  const task = taskOfItem(id);
  if (task === null) {
    const prefixes = Object.keys(TASKS).map((name) => `${name}_`);
    return {
      reason: `The item_id ${JSON.stringify(id)} names no known task. It must begin with ${prefixes.join(', ')}.`,
    };
  }
  const question = textField(row, 'question');
  if (question === null) return missing('question');
  const value = row['answer_value'];
  if (value === undefined || value === null || value === '') return missing('answer_value');
  const answer = TASKS[task].gold(value);
  if (answer === null) {
    return {
      reason: `The answer_value is ${JSON.stringify(value)}, which is not ${TASKS[task].goldIs}. Correct it, or remove the row.`,
    };
  }
  const problem: Problem = { id, task, question, answer, line };
  if (row['answer_cot'] === undefined || row['answer_cot'] === null) return { problem };
  const cot = textField(row, 'answer_cot');
  if (cot === null) return missing('answer_cot');
  return { problem: { ...problem, cot, ...(isProgram(cot) ? { program: true } : {}) } };
}
