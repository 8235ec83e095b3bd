import type { AskedModel } from '../model/asked';
import type { Completion, Sampling } from '../model/generate';
import type { Grade, GradeOptions, Problem } from '../tasks/task';
import { promptTokens } from './prompt_tokens';
import type { RunContext } from './recipe';

/** A problem as the policy answered it. `grade` may still be on its way: programs run beside the GPU. */
export interface Answer {
  problem: Problem;
  completion: Completion;
  /** Prompt and completion. */
  tokens: number[];
  promptLength: number;
  text: string;
  grade: Promise<Grade>;
}

/** Who answers, in which tokens, and who grades. */
export type AnswerContext = Pick<RunContext, 'tokenizer' | 'grade'> & {
  policy: Pick<AskedModel, 'generate'>;
};

/**
 * One completion a problem, in their order. Each is read and goes to grading as soon as it is there, while the others are
 * still being sampled. `firstId` makes its random draws its own.
 */
export async function answerAll(
  { policy, tokenizer, grade }: AnswerContext,
  problems: readonly Problem[],
  firstId: number,
  sampling: Omit<Sampling, 'eos'>,
  grading: GradeOptions,
): Promise<Answer[]> {
  const prompts = problems.map((problem, i) => ({
    id: firstId + i,
    tokens: promptTokens(tokenizer, problem),
  }));
  const answers = new Array<Answer>(problems.length);
  const onFinished = (completion: Completion, i: number): void => {
    const problem = problems[i] as Problem;
    const prompt = prompts[i]?.tokens ?? [];
    const text = tokenizer.decode(completion.tokens);
    const graded = grade([{ problem, completion: text }], grading).then(([only]) => only as Grade);
    // Whoever awaits the grade hears of its error; until then it must not count as unheard.
    graded.catch(() => undefined);
    answers[i] = {
      problem,
      completion,
      tokens: [...prompt, ...completion.tokens],
      promptLength: prompt.length,
      text,
      grade: graded,
    };
  };
  await policy.generate(prompts, { ...sampling, eos: tokenizer.eosIds }, { onFinished });
  return answers;
}
