import { memo } from 'react';
import { Area, CartesianGrid, ComposedChart, Line, XAxis, YAxis } from 'recharts';
import { DASHES, lineColour } from '../lib/colours';
import { formatPercent, formatTick } from '../lib/format';
import type { Plot, PlotLine } from './build';
import { PLOT } from './geometry';
import type { Point } from './series';

interface Props {
  plot: Plot;
  percent: boolean;
  /** Values are measurements of their own: each gets a dot. */
  points: boolean;
}

const AXIS = { stroke: 'var(--line)', tick: { fill: 'var(--text-3)', fontSize: 12 } } as const;
const SHARE_OPACITY = [0.26, 0.12, 0.04];
const bandOf = (point: Point) => point.band;
const shareRange = (point: { share: [number, number] | null }) => point.share;

/** The drawn part of a chart: grid, axes, intervals, areas and lines. Marks and the cursor are laid over it. */
export const Lines = memo(function Lines({ plot, percent, points }: Props) {
  return (
    <ComposedChart
      responsive
      style={{ width: '100%', height: PLOT.height }}
      margin={{ top: PLOT.top, right: PLOT.right, bottom: 0, left: 0 }}
      accessibilityLayer={false}
    >
      <CartesianGrid vertical={false} stroke="var(--line)" strokeWidth={1} />
      <XAxis
        {...AXIS}
        type="number"
        dataKey="x"
        domain={[plot.x.min, plot.x.max]}
        ticks={plot.x.ticks}
        tickFormatter={formatTick}
        height={PLOT.bottom}
        tickLine={false}
        interval="preserveStart"
        allowDataOverflow
      />
      <YAxis
        {...AXIS}
        type="number"
        domain={[plot.y.min, plot.y.max]}
        ticks={plot.y.ticks}
        tickFormatter={percent ? percentTick : formatTick}
        width={PLOT.left}
        tickLine={false}
        axisLine={false}
        interval={0}
        allowDataOverflow
      />
      {plot.shares.map((area, i) => (
        <Area
          key={area.id}
          data={area.drawn}
          dataKey={shareRange}
          stroke="none"
          fill={lineColour(area.run.colour)}
          fillOpacity={SHARE_OPACITY[i]}
          isAnimationActive={false}
          activeDot={false}
        />
      ))}
      {plot.lines.map((line) => drawBand(line))}
      {plot.lines.map((line) => drawShadow(line))}
      {plot.lines.map((line) => drawLine(line, points))}
    </ComposedChart>
  );
});

function percentTick(value: number): string {
  return formatPercent(value).replace('.0 ', ' ');
}

function drawBand(line: PlotLine) {
  if (!line.drawn.some((point) => point.band)) return null;
  return (
    <Area
      key={`band ${line.id}`}
      data={line.drawn}
      dataKey={bandOf}
      stroke="none"
      fill={lineColour(line.run.colour)}
      fillOpacity={0.15}
      isAnimationActive={false}
      activeDot={false}
    />
  );
}

function drawShadow(line: PlotLine) {
  if (line.spec.minor || !line.drawn.some((point) => point.raw !== point.y)) return null;
  return (
    <Line
      key={`raw ${line.id}`}
      data={line.drawn}
      dataKey="raw"
      stroke={lineColour(line.run.colour)}
      strokeOpacity={0.25}
      strokeWidth={1}
      dot={false}
      activeDot={false}
      isAnimationActive={false}
    />
  );
}

function drawLine(line: PlotLine, points: boolean) {
  const colour = lineColour(line.run.colour);
  // Hundreds of dots that draw nothing would cost more than the line.
  const dotted = points || line.drawn.some((point) => point.lone);
  return (
    <Line
      key={line.id}
      data={line.drawn}
      dataKey="y"
      stroke={colour}
      strokeWidth={line.spec.minor ? 1 : 2}
      strokeDasharray={line.spec.minor ? '3 3' : DASHES[line.run.colour?.dash ?? 0]}
      dot={dotted && ((dot: DotProps) => <Dot key={dot.index} dot={dot} every={points} colour={colour} />)}
      activeDot={false}
      isAnimationActive={false}
    />
  );
}

interface DotProps {
  cx?: number;
  cy?: number;
  index?: number;
  payload?: Point;
}

function Dot({ dot, every, colour }: { dot: DotProps; every: boolean; colour: string }) {
  if (!(every || dot.payload?.lone) || dot.payload?.y === null || dot.cx === undefined) return null;
  return <circle cx={dot.cx} cy={dot.cy} r={2.5} fill={colour} />;
}
