import { memo } from 'react';
import { formatNumber, formatPercent } from '../lib/format';
import { lineColour, textColour } from '../lib/colours';
import { useCursor } from '../stores/view';
import type { Plot, PlotLine } from './build';
import { leftOf, PLOT, shareOf, topOf } from './geometry';
import { spread } from './scale';
import { nearest } from './series';
import { tickText } from './tick_text';

const LABEL_HEIGHT = 15;

/** The current value of each line (smoothed as it is drawn), at its end instead of in a legend. */
export const EndLabels = memo(function EndLabels({ plot, percent }: { plot: Plot; percent: boolean }) {
  const lines = plot.lines.filter((line) => line.last && !line.spec.minor);
  const show = percent ? formatPercent : formatNumber;
  const atEdge = lines.filter((line) => reachesEdge(plot, line));
  const wanted = atEdge.map((line) => topOf(plot.y, endHeight(line)));
  const tops = spread(wanted, LABEL_HEIGHT, PLOT.top, PLOT.height - PLOT.bottom);
  const topOfLabel = (line: PlotLine) => {
    const i = atEdge.indexOf(line);
    // A line that ended earlier has its label above its end, clear of the lines that go on.
    return i >= 0 ? tops[i] : Math.max(PLOT.top, topOf(plot.y, endHeight(line)) - LABEL_HEIGHT);
  };
  return lines.map((line) => (
    <span
      key={line.id}
      className="end-label"
      style={{
        top: topOfLabel(line),
        left: `calc(${leftOf(plot.x, reachesEdge(plot, line) ? plot.x.max : (line.last?.x ?? 0))} + 6px)`,
        color: textColour(line.run.colour),
      }}
      title={`${line.run.name}: ${show(line.last?.raw)} at step ${line.last?.step ?? 0}`}
    >
      {show(endHeight(line))}
    </span>
  ));
});

const NEAR_THE_EDGE = 0.85;

/** Lines that end near the right edge share one column of labels there. */
function reachesEdge(plot: Plot, line: PlotLine): boolean {
  return shareOf(plot.x, line.last?.x ?? 0) > NEAR_THE_EDGE;
}

function endHeight(line: PlotLine): number {
  return line.drawn.findLast((point) => point.y !== null)?.y ?? 0;
}

/** Events as marks on the x axis. */
export const AxisTicks = memo(function AxisTicks({ plot }: { plot: Plot }) {
  return plot.ticks.map((tick, i) => (
    <span
      key={i}
      className={`axis-tick ${tick.kind}`}
      style={{ left: leftOf(plot.x, tick.x), color: lineColour(tick.run.colour) }}
      title={tickText(tick)}
    />
  ));
});

/** The crosshair, at the same x on every chart. */
export function Crosshair({ plot }: { plot: Plot }) {
  const x = useCursor((state) => state.x);
  if (x === null || x > plot.x.max) return null;
  return <span className="crosshair" style={{ left: leftOf(plot.x, x) }} />;
}

/** Mean distance between a line's values. */
function spacingOf({ points }: PlotLine): number {
  const width = (points.at(-1)?.x ?? 0) - (points[0]?.x ?? 0);
  return width / Math.max(1, points.length - 1);
}

/** A value this share of the x range away from the cursor is no longer under it. */
const REACH = 0.02;

/** Values under the cursor, run by run, in the chart's head. */
export function Readout({ plot, percent, unit }: { plot: Plot; percent: boolean; unit: string }) {
  const x = useCursor((state) => state.x);
  if (x === null) return null;
  const at = formatNumber(x >= 20 ? Math.round(x) : x);
  const reach = (plot.x.max - plot.x.min) * REACH;
  const found = plot.lines.flatMap((line) => {
    const point = nearest(line.points, x);
    const spacing = spacingOf(line);
    return point && Math.abs(point.x - x) <= Math.max(reach, spacing) ? [{ line, point }] : [];
  });
  return (
    <span className="readout" aria-hidden="true">
      <span className="muted">{unit === 's' ? `${at} s` : `${unit} ${at}`}</span>
      {found.map(({ line, point }) => (
        <span key={line.id} style={{ color: textColour(line.run.colour) }}>
          {point.raw === null ? 'NaN' : percent ? formatPercent(point.raw) : formatNumber(point.raw)}
        </span>
      ))}
    </span>
  );
}
