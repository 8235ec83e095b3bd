/** Completions of several runs for the same problem, and which run answers what. Pure. */
import type { CompletionRecord } from '../../runs/run';
import type { RunState } from '../stores/run_state';
import type { Outcomes } from '../../worker/protocol';

export type Split = CompletionRecord['split'];
export type Filter = 'all' | 'right' | 'wrong' | 'gained' | 'lost';

/** What one run answered on a split, one completion a problem. */
export interface Answers {
  run: string;
  split: Split;
  /** Steps the completions come from; more than one only for training samples. */
  steps: number[];
  byProblem: Map<string, CompletionRecord>;
}

/** The splits a person can look at, over all runs given. */
export function splitsOf(runs: readonly RunState[]): Split[] {
  const found = new Set(runs.flatMap((run) => run.completions.map((row) => row.split)));
  return (['test', 'validation', 'train'] as const).filter((split) => found.has(split));
}

/**
 * A run's answers on a split. Held-out answers are those of its best checkpoint where they were kept, else of its last
 * evaluation; training samples are the latest of each problem.
 */
export function answersOf(run: RunState, split: Split): Answers {
  const rows = run.completions.filter((row) => row.split === split);
  const steps = [...new Set(rows.map((row) => row.step))].sort((a, b) => a - b);
  const best = split === 'validation' ? run.record.best?.step : undefined;
  const step = best !== undefined && steps.includes(best) ? best : steps.at(-1);
  const chosen = split === 'train' ? rows : rows.filter((row) => row.step === step);
  const byProblem = new Map<string, CompletionRecord>();
  for (const row of chosen) {
    const other = byProblem.get(row.problem);
    if (!other || row.step >= other.step) byProblem.set(row.problem, row);
  }
  return {
    run: run.record.id,
    split,
    steps: split === 'train' ? steps : step === undefined ? [] : [step],
    byProblem,
  };
}

/** Problem ids, in the order of the first run that has them, that pass the filter. */
export function problemsOf(answers: readonly Answers[], filter: Filter): string[] {
  const ids = [...new Set(answers.flatMap((answer) => [...answer.byProblem.keys()]))];
  return ids.filter((id) =>
    passes(
      answers.map((answer) => answer.byProblem.get(id)?.correct),
      filter,
    ),
  );
}

/** `gained` and `lost` compare the last run with the first. */
function passes(correct: readonly (boolean | undefined)[], filter: Filter): boolean {
  const known = correct.filter((value) => value !== undefined);
  switch (filter) {
    case 'all':
      return true;
    case 'right':
      return known.length > 0 && known.every(Boolean);
    case 'wrong':
      return known.length > 0 && !known.some(Boolean);
    case 'gained':
      return correct.length > 1 && correct[0] === false && correct.at(-1) === true;
    case 'lost':
      return correct.length > 1 && correct[0] === true && correct.at(-1) === false;
  }
}

/** The held-out split both runs have answered: the evaluation file's where both have it, else validation. */
export function comparedSplit(a: RunState, b: RunState): Split | null {
  const splits = splitsOf([a]).filter((split) => splitsOf([b]).includes(split));
  return splits.find((split) => split !== 'train') ?? null;
}

/** Answers as the paired test takes them. */
export function outcomesOf(name: string, answers: Answers): Outcomes {
  return { name, correct: [...answers.byProblem].map(([problem, row]) => [problem, row.correct]) };
}
