/** What the page knows of a run, and how the engine's events change it. Pure: no store, no DOM. */
import type { CompletionRecord, EvaluationRecord, MetricRow, RunRecord } from '../../runs/run';
import type { RunEvent } from '../../worker/client';

/** What a run says of itself while it goes. */
export interface Live {
  phase: string;
  tokensPerSecond: number;
  secondsLeft: number | null;
}

export interface RunState {
  record: RunRecord;
  /** A demo run shipped with the lab, not made on this machine. */
  recorded: boolean;
  /** Whether metrics and completions are here in full, or only the record. */
  loaded: boolean;
  rows: readonly MetricRow[];
  completions: readonly CompletionRecord[];
  live: Live | null;
}

export type Runs = Readonly<Record<string, RunState>>;

export function runFromRecord(record: RunRecord, recorded = false): RunState {
  return { record, recorded, loaded: false, rows: [], completions: [], live: null };
}

/** Whether a run holds the GPU: it can be stopped. */
export function isActive(record: RunRecord): boolean {
  return record.status === 'loading' || record.status === 'running' || record.status === 'paused';
}

/** Applies events in order. Runs that no event names keep their identity, so that narrow selectors stay still. */
export function applyEvents(runs: Runs, events: readonly RunEvent[]): Runs {
  const next: Record<string, RunState> = { ...runs };
  for (const event of events) {
    const run = next[event.run];
    if (run) next[event.run] = applyEvent(run, event);
    else if (event.type === 'run_created') next[event.run] = { ...runFromRecord(event.record), loaded: true };
    else if (event.type === 'run_finished') next[event.run] = runFromRecord(event.record);
  }
  return next;
}

function applyEvent(run: RunState, event: RunEvent): RunState {
  switch (event.type) {
    case 'run_created':
      return { ...run, record: event.record };
    case 'run_status':
      return {
        ...run,
        record: {
          ...run.record,
          status: event.status,
          step: event.step,
          total_steps: event.total,
          seconds: event.seconds,
          grade_seconds: event.gradeSeconds,
        },
        live: { phase: event.phase, tokensPerSecond: event.tokensPerSecond, secondsLeft: event.secondsLeft },
      };
    case 'run_metrics':
      return { ...run, rows: mergeRows(run.rows, event.rows) };
    case 'run_completions':
      return { ...run, completions: [...run.completions, ...event.rows] };
    case 'run_evaluation':
      return { ...run, record: withEvaluation(run.record, event.evaluation) };
    case 'run_event':
      return { ...run, record: { ...run.record, events: [...run.record.events, event.event] } };
    case 'run_finished':
      return { ...run, record: event.record, live: null };
  }
}

/**
 * Rows in step order. A row of the last step adds to it; a row of an earlier step means the run went on from a
 * checkpoint, so what followed that step is replaced.
 */
export function mergeRows(rows: readonly MetricRow[], incoming: readonly MetricRow[]): MetricRow[] {
  const merged = [...rows];
  for (const row of incoming) {
    while ((merged.at(-1)?.step ?? -Infinity) > row.step) merged.pop();
    const last = merged.at(-1);
    if (last?.step === row.step) {
      merged[merged.length - 1] = { ...last, values: { ...last.values, ...row.values } };
    } else merged.push(row);
  }
  return merged;
}

function withEvaluation(record: RunRecord, evaluation: EvaluationRecord): RunRecord {
  if (evaluation.split === 'test') return { ...record, test: evaluation };
  const isBest = evaluation.accuracy > (record.best?.accuracy ?? -1);
  return { ...record, validation: evaluation, ...(isBest ? { best: evaluation } : {}) };
}

/** The evaluation a run is judged by: on the evaluation file where one was given, else its best on validation. */
export function judgedBy(record: RunRecord): EvaluationRecord | undefined {
  return record.test ?? record.best ?? record.validation;
}
