import { byAge, useRuns } from '../stores/runs';
import { AXES, setAxis, setSmoothing, useView } from '../stores/view';
import { useShallow } from 'zustand/react/shallow';
import { RunChip } from './RunChip';

/** What all charts share: x axis and smoothing; and the runs that could be added. */
export function ChartControls() {
  const axis = useView((state) => state.axis);
  const smoothing = useView((state) => state.smoothing);
  return (
    <div className="chart-controls" role="group" aria-label="Charts">
      <HiddenRuns />
      <span className="spacer" />
      <label className="row">
        <span className="small muted">x axis</span>
        <select
          value={axis}
          onChange={(event) => {
            const chosen = AXES.find((candidate) => candidate.id === event.target.value);
            if (chosen) setAxis(chosen.id);
          }}
        >
          {AXES.map(({ id, label }) => (
            <option key={id} value={id}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <label className="row">
        <span className="small muted">Smoothing</span>
        <input
          type="range"
          min={0}
          max={0.95}
          step={0.05}
          value={smoothing}
          onChange={(event) => setSmoothing(Number(event.target.value))}
        />
        <span className="small smoothing-value" aria-hidden="true">
          {smoothing.toFixed(2)}
        </span>
      </label>
    </div>
  );
}

const MOST_CHIPS = 5;

/** The latest runs that are not on the charts; pressing one puts it there. */
function HiddenRuns() {
  const ids = useRuns(
    useShallow((state) => {
      const hidden = byAge(state.runs).filter((run) => !state.shown.includes(run.record.id));
      return hidden.slice(-MOST_CHIPS).map((run) => run.record.id);
    }),
  );
  return (
    <span className="row wrap">
      {ids.map((id) => (
        <RunChip key={id} id={id} />
      ))}
    </span>
  );
}
