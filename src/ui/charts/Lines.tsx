import { memo } from 'react';
import { DASHES, lineColour } from '../lib/colours';
import { formatPercent, formatTick } from '../lib/format';
import type { Plot, PlotLine } from './build';
import { leftOf, PLOT, topOf, type Box } from './geometry';
import { areaPath, dotPath, gridPath, linePath, SIDE } from './paths';

interface Props {
  plot: Plot;
  percent: boolean;
  /** Values are measurements of their own: each gets a dot. */
  points: boolean;
}

const SHARE_OPACITY = [0.26, 0.12, 0.04];
const DOT = 5;

/**
 * The drawn part of a chart: grid, axes, intervals, areas and lines; marks and the cursor are laid over it. One path a
 * line, stretched by the browser to whatever width there is, so that a new value costs well under a millisecond.
 */
export const Lines = memo(function Lines({ plot, percent, points }: Props) {
  const { x, y, shares, lines } = plot;
  return (
    <>
      <svg
        className="plot-lines"
        viewBox={`0 0 ${SIDE} ${SIDE}`}
        preserveAspectRatio="none"
        aria-hidden="true"
      >
        <path className="plot-grid" d={gridPath([...y.ticks, y.min], plot)} />
        {shares.map((area, i) => (
          <path
            key={area.id}
            className="plot-area"
            d={areaPath(
              area.drawn.map((point) => ({ x: point.x, range: point.share })),
              plot,
            )}
            fill={lineColour(area.run.colour)}
            fillOpacity={SHARE_OPACITY[i]}
          />
        ))}
        {lines.map((line) => (
          <Band key={line.id} line={line} box={plot} />
        ))}
        {lines.map((line) => (
          <Stroke key={line.id} line={line} box={plot} points={points} />
        ))}
      </svg>
      {x.ticks.map((tick) => (
        <span key={tick} className="tick-label x" style={{ left: leftOf(x, tick) }}>
          {formatTick(tick)}
        </span>
      ))}
      {y.ticks.map((tick) => (
        <span key={tick} className="tick-label y" style={{ top: topOf(y, tick), width: PLOT.left - 8 }}>
          {percent ? formatPercent(tick).replace('.0 ', ' ') : formatTick(tick)}
        </span>
      ))}
    </>
  );
});

function Band({ line, box }: { line: PlotLine; box: Box }) {
  if (!line.drawn.some((point) => point.band)) return null;
  const stretches = line.drawn.map((point) => ({ x: point.x, range: point.band }));
  return <path d={areaPath(stretches, box)} fill={lineColour(line.run.colour)} fillOpacity={0.15} />;
}

/** The line itself, its raw values as a shadow where it is smoothed, and dots where no line would be seen. */
function Stroke({ line, box, points }: { line: PlotLine; box: Box; points: boolean }) {
  const { drawn, spec, run } = line;
  const colour = lineColour(run.colour);
  const dotted = points ? drawn : drawn.filter((point) => point.lone);
  const smoothed = !spec.minor && drawn.some((point) => point.raw !== point.y);
  const raw = drawn.map((point) => ({ x: point.x, y: point.raw }));
  return (
    <g className="plot-line" stroke={colour}>
      {smoothed && <path d={linePath(raw, box)} strokeOpacity={0.25} />}
      <path
        d={linePath(drawn, box)}
        strokeWidth={spec.minor ? 1 : 2}
        strokeDasharray={spec.minor ? '3 3' : DASHES[run.colour?.dash ?? 0]}
      />
      {dotted.length > 0 && <path d={dotPath(dotted, box)} strokeWidth={DOT} strokeLinecap="round" />}
    </g>
  );
}
