import { memo, useMemo, type PointerEvent } from 'react';
import { lineColour } from '../lib/colours';
import { Hint } from '../components/Hint';
import { AXES, setCursor, useView } from '../stores/view';
import { buildPlot, type ChartRun, type Plot } from './build';
import { ChartTable } from './ChartTable';
import { PLOT, xAt } from './geometry';
import { Lines } from './Lines';
import { AxisTicks, Crosshair, EndLabels, Readout } from './Marks';
import type { Scale } from './scale';
import type { ChartSpec } from './specs';
import { useTurn } from './turns';

interface Props {
  spec: ChartSpec;
  runs: readonly ChartRun[];
  x: Scale;
}

/** One chart: title with unit, the drawing with its marks, and the table behind it. Its height never changes. */
export const ChartFigure = memo(function ChartFigure({ spec, runs, x }: Props) {
  const axis = useView((state) => state.axis);
  const smoothing = useView((state) => state.smoothing);
  const plot = useMemo(() => buildPlot(spec, runs, axis, smoothing, x), [spec, runs, axis, smoothing, x]);
  const percent = spec.percent ?? false;
  const unit = AXES.find((candidate) => candidate.id === axis)?.unit ?? '';
  return (
    <figure className="chart hint-host" aria-label={spec.title}>
      <figcaption>
        <h2>{spec.title}</h2>
        <span className="muted small">
          {spec.unit}
          {plot.counts.length > 0 && `, n = ${plot.counts.join(' and ')}`}
        </span>
        <Hint subject={spec.title} text={spec.help} />
        <Readout plot={plot} percent={percent} unit={unit} />
      </figcaption>
      <PlotBox plot={plot} spec={spec} />
      <div className="chart-foot">
        <Shares plot={plot} />
        <ChartTable title={spec.title} plot={plot} percent={percent} />
      </div>
    </figure>
  );
});

function PlotBox({ plot: newest, spec }: { plot: Plot; spec: ChartSpec }) {
  const plot = useTurn(newest);
  if (!plot) return <div className="plot" style={{ height: PLOT.height }} />;
  return <Drawing plot={plot} spec={spec} />;
}

const Drawing = memo(function Drawing({ plot, spec }: { plot: Plot; spec: ChartSpec }) {
  const follow = (event: PointerEvent<HTMLDivElement>) =>
    setCursor(xAt(plot.x, event.clientX, event.currentTarget.getBoundingClientRect()));
  const percent = spec.percent ?? false;
  return (
    <div
      className="plot"
      style={{ height: PLOT.height }}
      onPointerMove={follow}
      onPointerDown={follow}
      onPointerLeave={() => setCursor(null)}
    >
      <Lines plot={plot} percent={percent} points={spec.points ?? false} />
      <EndLabels plot={plot} percent={percent} />
      <AxisTicks plot={plot} />
      <Crosshair plot={plot} />
      {plot.lines.length === 0 && <p className="plot-empty muted">{spec.empty}</p>}
    </div>
  );
});

/** What the stacked areas stand for; keeps its line free when there are none. */
function Shares({ plot }: { plot: Plot }) {
  if (plot.shares.length === 0) return null;
  return (
    <span className="shares muted small">
      {plot.shares.map((area, i) => (
        <span key={area.id}>
          <span
            className={`share-swatch share-${i}`}
            style={{ background: lineColour(area.run.colour) }}
            aria-hidden="true"
          />
          {area.label}
        </span>
      ))}
    </span>
  );
}
