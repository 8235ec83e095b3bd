/** The shown runs as charts take them, renewed at most a few times a second: drawing must not cost the page its frames. */
import { create } from 'zustand';
import { useRuns, type RunsState } from '../stores/runs';
import { shownRunsBy } from '../stores/shown_runs';
import type { ChartRun } from './build';

const PACE_MS = 250;

// What a run says of its progress alone redraws no chart.
const drawnRuns = shownRunsBy((run) => [run.rows, run.record.events, run.record.name]);

/** The same array of the same objects until there is something new to draw. */
export const usePacedRuns = create<{ runs: readonly ChartRun[] }>((set) => {
  let drawn = drawnRuns(useRuns.getState());
  let timer: ReturnType<typeof setTimeout> | undefined;
  const renew = () => {
    timer = undefined;
    const state = useRuns.getState();
    drawn = drawnRuns(state);
    set({ runs: chartRuns(state) });
  };
  useRuns.subscribe((state, before) => {
    // What the person changes shows at once; what a run logs waits its turn.
    if (state.shown !== before.shown || state.colours !== before.colours) {
      clearTimeout(timer);
      renew();
    } else if (timer === undefined && !same(drawnRuns(state), drawn)) {
      timer = setTimeout(renew, PACE_MS);
    }
  });
  return { runs: chartRuns(useRuns.getState()) };
});

function chartRuns(state: RunsState): ChartRun[] {
  return drawnRuns(state).map(({ record: { id, name, events }, rows }) => {
    return { id, name, events, rows, colour: state.colours[id] };
  });
}

function same(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
