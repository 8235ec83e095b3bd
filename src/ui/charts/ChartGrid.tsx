import { useDeferredValue, useMemo, useState } from 'react';
import { useView } from '../stores/view';
import { xScale } from './build';
import { ChartFigure } from './ChartFigure';
import { usePacedRuns } from './paced_runs';
import { MAIN_CHARTS, MORE_CHARTS } from './specs';

/** The charts of all shown runs. A chunk of its own: the drawing library comes after the page. */
export default function ChartGrid() {
  // Drawn in slices between other tasks, and one chart a task: nothing waits for the charts.
  const runs = useDeferredValue(usePacedRuns((state) => state.runs));
  const axis = useView((state) => state.axis);
  const [more, setMore] = useState(false);
  const scale = useMemo(() => xScale(runs, axis), [runs, axis]);
  return (
    <>
      <div className="chart-grid">
        {MAIN_CHARTS.map((spec) => (
          <ChartFigure key={spec.id} spec={spec} runs={runs} x={scale} />
        ))}
      </div>
      <details className="more" onToggle={(event) => setMore(event.currentTarget.open)}>
        <summary>More charts</summary>
        {more && (
          <div className="chart-grid">
            {MORE_CHARTS.map((spec) => (
              <ChartFigure key={spec.id} spec={spec} runs={runs} x={scale} />
            ))}
          </div>
        )}
      </details>
    </>
  );
}
