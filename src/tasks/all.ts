/** Every task by its id. A new task is one file beside these and one line here. */
import { gsm8k } from './gsm8k';
import { mathqa } from './mathqa';
import { mathqaNumeric } from './mathqa_numeric';
import { svamp } from './svamp';
import type { Task, TaskId } from './task';

export const TASKS: Record<TaskId, Task> = { gsm8k, svamp, mathqa, 'mathqa-numeric': mathqaNumeric };
