/**
 * Problems as the text a model sees: the templates of ReFT (arXiv:2401.08967) and its reference code, the same for
 * every task.
 */
import type { Problem } from './task';

/** What stands before the final answer of a natural-language chain of thought. */
export const ANSWER_TRIGGER = 'Therefore, the answer is:';

/** What SFT conditions on: "Question:\n{question}\nAnswer reasoning:\n". */
export function promptOf(problem: Pick<Problem, 'question'>): string {
  return `Question:\n${problem.question}\nAnswer reasoning:\n`;
}

/**
 * What sampling (RL, evaluation, generation) starts from. For natural-language CoT the prompt itself; for programs
 * extended by `programHeader`, so that the model writes only the body.
 */
export function samplingPromptOf(problem: Problem): string {
  return problem.program === true ? promptOf(problem) + programHeader(problem.question) : promptOf(problem);
}

/** The header and docstring of a program CoT. */
export function programHeader(question: string): string {
  return `def solution():\n    """${question}"""\n`;
}

/**
 * What SFT trains on, without EOS: the program, or the chain of thought and "\nTherefore, the answer is: {value}".
 * Null where the file has no chain of thought.
 */
export function targetOf(problem: Problem): string | null {
  if (problem.cot === undefined) return null;
  return problem.program === true ? problem.cot : `${problem.cot}\n${ANSWER_TRIGGER} ${problem.answer}`;
}

/**
 * The same problems answered by programs. Test files carry no chain of thought, so they cannot say that a model
 * trained on programs should be asked for one: whoever evaluates such a model says it with this.
 */
export function asPrograms(problems: readonly Problem[]): Problem[] {
  return problems.map((problem) => (problem.program === true ? problem : withoutCot(problem)));
}

function withoutCot(problem: Problem): Problem {
  const bare: Problem = { ...problem, program: true };
  delete bare.cot;
  return bare;
}
