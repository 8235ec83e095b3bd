import type { RunState } from './run_state';
import type { RunsState } from './runs';

/**
 * A selector of the shown runs that looks only at some parts of each: while those stay the same, so does the object it
 * gives (whose other parts may then be out of date). Use with `useShallow`.
 */
export function shownRunsBy(
  partsOf: (run: RunState) => readonly unknown[],
): (state: RunsState) => RunState[] {
  const kept = new Map<string, RunState>();
  return (state) =>
    state.shown.flatMap((id) => {
      const run = state.runs[id];
      if (!run) return [];
      const last = kept.get(id);
      const parts = partsOf(run);
      if (last && partsOf(last).every((part, i) => part === parts[i])) return [last];
      kept.set(id, run);
      return [run];
    });
}
