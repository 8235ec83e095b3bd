import { wilson } from '../evaluate/interval';
import type { Extraction, Problem } from '../tasks/task';
import type { CompletionRecord, EvaluationRecord } from '../runs/run';
import { answerAll, type AnswerContext } from './answer';
import type { Counters } from './counters';
import type { RunContext } from './recipe';
import { Settings } from './settings';

/** Greedy accuracy on held-out problems, with n, its 95 % Wilson interval, and every completion. */
export async function evaluateHeldOut(
  context: AnswerContext & Pick<RunContext, 'config'>,
  problems: readonly Problem[],
  split: 'validation' | 'test',
  step: number,
): Promise<{ evaluation: EvaluationRecord; rows: CompletionRecord[]; tokens: number }> {
  const settings = new Settings(context.config);
  const max_new_tokens = settings.number('max_new_tokens');
  const answers = await answerAll(
    context,
    problems,
    0,
    { temperature: 0, top_k: 0, top_p: 1, max_new_tokens, seed: 0 },
    { extraction: settings.text('extraction') as Extraction, partial_reward: true },
  );
  const rows = await Promise.all(
    answers.map(async ({ problem, completion, text, grade }): Promise<CompletionRecord> => ({
      step,
      split,
      problem: problem.id,
      question: problem.question,
      completion: text,
      answer: problem.answer,
      ...(await grade),
      length: completion.tokens.length,
      finish: completion.finish,
    })),
  );
  const correct = rows.filter((row) => row.correct).length;
  const evaluation = { step, split, n: rows.length, correct, ...wilson(correct, rows.length) };
  return { evaluation, rows, tokens: rows.reduce((sum, { length }) => sum + length, 0) };
}

/**
 * Evaluates on validation, logs accuracy and completions, and keeps the checkpoint when it is the best so far. With
 * `candidate` false (before any training) the figure is only shown. Returns the metric columns; none without validation.
 */
export async function evaluateAndKeepBest(
  context: RunContext,
  counters: Counters,
  total: number,
  candidate: boolean,
): Promise<Record<string, number>> {
  const { validation, log } = context;
  if (!validation.length) return {};
  const { step } = counters;
  log.progress(step, total, 'evaluate');
  const { evaluation, rows, tokens } = await evaluateHeldOut(context, validation, 'validation', step);
  counters.tokens_generated += tokens;
  await log.completions(rows);
  const best = await log.evaluation(evaluation, candidate);
  if (best) {
    await log.checkpoint(String(step), { keep: false });
    await log.event({
      step,
      kind: 'best',
      text: `Best on validation so far: ${evaluation.correct} of ${evaluation.n}.`,
    });
  }
  return {
    'eval/accuracy': evaluation.accuracy,
    'eval/accuracy_low': evaluation.low,
    'eval/accuracy_high': evaluation.high,
    'eval/n': evaluation.n,
  };
}
