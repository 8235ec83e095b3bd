/** Extract, compare, reward: completions to grades, by the rules of each problem's task (reft.md's table). */
import { LabError } from '../errors';
import { TASKS } from './all';
import { programOf } from './program';
import type { Extraction, Grade, GradeOptions, Problem, ProgramRunner, TaskId } from './task';

/** The answer in a natural-language completion of `task`, as text, or null when none can be read. */
export function extractAnswer(task: TaskId, completion: string, extraction: Extraction): string | null {
  return TASKS[task].extract(completion, extraction);
}

/** Whether an extracted answer is the problem's; null never is. */
export function isCorrect(extracted: string | null, problem: Problem): boolean {
  return extracted !== null && TASKS[problem.task].isCorrect(extracted, problem.answer);
}

/** Reward 1, 0.1 or 0 of an extracted answer. */
export function gradeAnswer(extracted: string | null, problem: Problem, options: GradeOptions): Grade {
  const correct = isCorrect(extracted, problem);
  return { extracted, correct, reward: TASKS[problem.task].reward(extracted, correct, options) };
}

/**
 * Grades of completions, in their order. Programs run on `programs`, all of them in one call.
 * Errors: `unsupported` when there is a program to grade and nothing to run it on.
 */
export async function gradeAll(
  items: readonly { problem: Problem; completion: string }[],
  options: GradeOptions,
  programs?: ProgramRunner,
): Promise<Grade[]> {
  const returned = await runPrograms(items, programs);
  return items.map(({ problem, completion }, at) => {
    if (problem.program !== true) {
      return gradeAnswer(extractAnswer(problem.task, completion, options.extraction), problem, options);
    }
    const text = returned.get(at) ?? null;
    return gradeAnswer(text === null ? null : TASKS[problem.task].extractReturned(text), problem, options);
  });
}

/** What each program completion returned, by its place in `items`. */
async function runPrograms(
  items: readonly { problem: Problem; completion: string }[],
  programs: ProgramRunner | undefined,
): Promise<Map<number, string | null>> {
  const places = items.flatMap(({ problem }, at) => (problem.program === true ? [at] : []));
  if (places.length === 0) return new Map();
  if (programs === undefined) {
    throw new LabError(
      'unsupported',
      'These problems are answered by Python programs, and nothing here runs Python. Use the file with natural-language chains of thought instead.',
    );
  }
  const results = await programs.run(places.map((at) => programOf(items[at]?.completion ?? '')));
  return new Map(places.map((at, index) => [at, results[index] ?? null]));
}
