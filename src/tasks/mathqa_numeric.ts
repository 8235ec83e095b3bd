/**
 * MathQA-numeric (ReFT, section 4): MathQA's problems without options, answered by a number. Comes only in ReFT's own
 * format (this row written for the purpose):
 *
 *   {"item_id": "mathqa-numeric_7", "question": "a train runs 120 km in 2 hours . what is its speed in km / h ?",
 *    "answer_cot": "120 / 2 = 60", "answer_value": "60.0"}
 */
import { numericRules } from './numeric';
import type { Task } from './task';

export const mathqaNumeric: Task = { id: 'mathqa-numeric', label: 'MathQA-numeric', ...numericRules };
