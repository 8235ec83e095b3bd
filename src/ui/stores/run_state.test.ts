import { describe, expect, it } from 'vitest';
import type { EvaluationRecord, MetricRow } from '../../runs/run';
import { exampleRecord } from '../../runs/testing';
import type { RunEvent } from '../../worker/client';
import { applyEvents, judgedBy, mergeRows, runFromRecord, type Runs } from './run_state';

const record = exampleRecord({ id: 'a' });

function row(step: number, values: Record<string, number>): MetricRow {
  return { step, timestamp: step, values };
}

function evaluation(
  step: number,
  accuracy: number,
  split: 'validation' | 'test' = 'validation',
): EvaluationRecord {
  return {
    step,
    split,
    n: 100,
    correct: 100 * accuracy,
    accuracy,
    low: accuracy - 0.1,
    high: accuracy + 0.1,
  };
}

function after(...events: RunEvent[]): Runs {
  return applyEvents({}, [{ type: 'run_created', run: 'a', record }, ...events]);
}

describe('applyEvents', () => {
  it('begins a run with nothing in it and everything to come', () => {
    expect(after().a).toMatchObject({ record, loaded: true, rows: [], completions: [], recorded: false });
  });

  it('follows status, metrics and events of a run', () => {
    const runs = after(
      {
        type: 'run_status',
        run: 'a',
        status: 'running',
        step: 3,
        total: 9,
        phase: 'train',
        tokensPerSecond: 10,
        secondsLeft: 60,
        seconds: { train: 2 },
        gradeSeconds: 1,
      },
      { type: 'run_metrics', run: 'a', rows: [row(1, { loss: 2 }), row(2, { loss: 1 })] },
      { type: 'run_event', run: 'a', event: { step: 2, kind: 'best', text: 'Best so far.' } },
    );
    expect(runs.a?.record).toMatchObject({
      status: 'running',
      step: 3,
      total_steps: 9,
      seconds: { train: 2 },
    });
    expect(runs.a?.live).toEqual({ phase: 'train', tokensPerSecond: 10, secondsLeft: 60 });
    expect(runs.a?.rows).toHaveLength(2);
    expect(runs.a?.record.events.at(-1)?.kind).toBe('best');
  });

  it('keeps charts and completions of a run that failed', () => {
    const failed = exampleRecord({ id: 'a', status: 'failed', error: { code: 'diverged', message: 'NaN' } });
    const runs = after(
      { type: 'run_metrics', run: 'a', rows: [row(1, { loss: 2 })] },
      { type: 'run_finished', run: 'a', record: failed },
    );
    expect(runs.a).toMatchObject({ record: failed, live: null });
    expect(runs.a?.rows).toHaveLength(1);
  });

  it('leaves runs alone that no event names', () => {
    const other = runFromRecord(exampleRecord({ id: 'b' }));
    const runs = applyEvents({ b: other }, [{ type: 'run_created', run: 'a', record }]);
    expect(runs.b).toBe(other);
  });

  it('keeps the best by validation, never by test, and judges by test where there is one', () => {
    const runs = after(
      { type: 'run_evaluation', run: 'a', evaluation: evaluation(1, 0.5) },
      { type: 'run_evaluation', run: 'a', evaluation: evaluation(2, 0.4) },
    );
    expect(runs.a?.record).toMatchObject({ best: { step: 1 }, validation: { step: 2 } });
    expect(runs.a && judgedBy(runs.a.record)?.step).toBe(1);
    const tested = applyEvents(runs, [
      { type: 'run_evaluation', run: 'a', evaluation: evaluation(3, 0.3, 'test') },
    ]);
    expect(tested.a?.record.best?.step).toBe(1);
    expect(tested.a && judgedBy(tested.a.record)?.split).toBe('test');
  });
});

describe('mergeRows', () => {
  it('adds to the last step, and replaces what followed when a run goes on from a checkpoint', () => {
    const rows = mergeRows([], [row(1, { loss: 3 }), row(2, { loss: 2 }), row(3, { loss: 1 })]);
    expect(mergeRows(rows, [row(3, { 'eval/accuracy': 0.5 })])[2]?.values).toEqual({
      loss: 1,
      'eval/accuracy': 0.5,
    });
    expect(mergeRows(rows, [row(2, { loss: 9 })]).map(({ step, values }) => [step, values.loss])).toEqual([
      [1, 3],
      [2, 9],
    ]);
    expect(rows).toHaveLength(3);
  });
});
