import type { CompletionRecord, MetricRow } from '../runs/run';
import type { RunListener, RunProgress } from '../runs/run_recorder';
import type { Event } from './protocol';

const INTERVAL_MS = 100;

/** Turns what a run reports into messages, at most ten a second; what is not a series is sent at once. */
export function runEvents(
  run: string,
  post: (event: Event) => void,
): { listener: RunListener; close: () => void } {
  let metrics: MetricRow[] = [];
  let completions: CompletionRecord[] = [];
  let progress: RunProgress | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const flush = (): void => {
    timer = undefined;
    if (metrics.length) post({ type: 'run_metrics', run, rows: metrics });
    if (completions.length) post({ type: 'run_completions', run, rows: completions });
    if (progress) post({ type: 'run_status', run, ...progress });
    metrics = [];
    completions = [];
    progress = undefined;
  };
  const later = (): void => {
    timer ??= setTimeout(flush, INTERVAL_MS);
  };

  return {
    listener: {
      metrics: (row) => {
        metrics.push(row);
        later();
      },
      completions: (rows) => {
        completions.push(...rows);
        later();
      },
      progress: (state) => {
        progress = state;
        later();
      },
      evaluation: (evaluation) => post({ type: 'run_evaluation', run, evaluation }),
      event: (event) => post({ type: 'run_event', run, event }),
      status: (record) => {
        flush();
        post({ type: record.finished === undefined ? 'run_created' : 'run_finished', run, record });
      },
    },
    close: () => {
      if (timer) clearTimeout(timer);
      flush();
    },
  };
}
