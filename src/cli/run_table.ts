import { compareRuns, type Comparison } from '../evaluate/compare';
import { LabError } from '../errors';
import type { OpenedRun } from '../runs/open_run';
import type { CompletionRecord, EvaluationRecord, RunRecord } from '../runs/run';
import { duration } from './progress';
import { percent, table } from './table';

/** One line about a run, for scripts. */
export interface RunSummary {
  id: string;
  name: string;
  recipe: string;
  status: string;
  step: number;
  total_steps: number;
  best: EvaluationRecord | null;
  validation: EvaluationRecord | null;
  test: EvaluationRecord | null;
  kl_at_start: number | null;
  seconds: number;
}

export function summaryOf(record: RunRecord): RunSummary {
  const { id, name, recipe, status, step, total_steps } = record;
  return {
    id,
    name,
    recipe,
    status,
    step,
    total_steps,
    best: record.best ?? null,
    validation: record.validation ?? null,
    test: record.test ?? null,
    kl_at_start: record.kl_at_start ?? null,
    seconds: Object.values(record.seconds).reduce((sum, seconds) => sum + seconds, 0),
  };
}

/** Runs as a table: held-out accuracy with n and its 95 % interval on validation (best) and on the test set. */
export function runTable(records: readonly RunRecord[]): string {
  const header = ['run', 'recipe', 'steps', 'time', 'validation (best)', '95 % interval'];
  const hasTest = records.some(({ test }) => test);
  const rows = records.map((record) => {
    const { name, recipe, step, best, test, seconds } = summaryOf(record);
    const cells = [name, recipe, String(step), duration(seconds), ...accuracyCells(best)];
    return hasTest ? [...cells, ...accuracyCells(test)] : cells;
  });
  if (hasTest) header.push('test', '95 % interval');
  return table([header, ...rows]);
}

function accuracyCells(evaluation: EvaluationRecord | null): [string, string] {
  if (!evaluation) return ['–', '–'];
  const { accuracy, correct, n, low, high } = evaluation;
  return [`${percent(accuracy)} (${correct}/${n})`, `${(100 * low).toFixed(1)} – ${percent(high)}`];
}

/** The problems two runs were both graded on, and the paired test of `b` against `a`. */
export interface PairedResult {
  split: 'validation' | 'test';
  comparison: Comparison;
}

/**
 * Compares two runs problem by problem: on the test set where both have one, else on validation at each run's best step.
 * Errors: `bad_input` when they were not graded on the same problems.
 */
export function pairedTest(a: OpenedRun, b: OpenedRun): PairedResult {
  const split = a.record.test && b.record.test ? 'test' : 'validation';
  const names = { a: a.record.name, b: b.record.name };
  const comparison = compareRuns(outcomes(a, split), outcomes(b, split), names);
  if (comparison.n > 0) return { split, comparison };
  throw new LabError(
    'bad_input',
    `${names.a} and ${names.b} were not graded on the same problems, so they cannot be paired. Train both with the same ` +
      '--eval-data, or with the same data, seed and validation_fraction.',
  );
}

/** Whether each problem was answered right by the model the run kept. Ids repeat across files, questions hardly. */
function outcomes({ record, completions }: OpenedRun, split: 'validation' | 'test'): Map<string, boolean> {
  const evaluation = split === 'test' ? record.test : (record.best ?? record.validation);
  const isCounted = (row: CompletionRecord) => row.split === split && row.step === evaluation?.step;
  return new Map(
    completions.filter(isCounted).map((row) => [`${row.problem}\n${row.question}`, row.correct]),
  );
}
