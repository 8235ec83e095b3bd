/**
 * Program CoT as code to run. Source: reference code of arXiv:2401.08967 (its Python executor): math and sympy are
 * imported for the program, and it is cut at its first blank line.
 */

/** Whether a text is a program CoT: `def solution():`, imports before it allowed. */
export function isProgram(text: string): boolean {
  return /^(?:(?:import|from)\s.*\n)*def solution\s*\(/.test(text.trimStart());
}

/**
 * The program a completion stands for. Sampling starts behind header and docstring (`samplingPromptOf`), so a
 * completion is a body; one that brings its own `def solution():` is taken as it is. The docstring is left out: it
 * changes no result, and a question with quotes in it would break the program.
 */
export function programOf(completion: string): string {
  return cutAtBlankLine(isProgram(completion) ? completion.trimStart() : `def solution():\n${completion}`);
}

/** Lines up to the first that is empty or white space. */
function cutAtBlankLine(code: string): string {
  const lines = code.split(/\r?\n/);
  const blank = lines.findIndex((line) => line.trim() === '');
  return (blank < 0 ? lines : lines.slice(0, blank)).join('\n');
}
