/** A chart as data: the lines of all shown runs on one range, ready to be drawn. Pure. */
import type { MetricRow, RunEventRecord } from '../../runs/run';
import type { RunColour } from '../lib/colours';
import type { AxisId } from '../stores/view';
import { axisValue, extract, lastValue, smooth, thin, type Point } from './series';
import { niceScale, ticksWithin, type Scale } from './scale';
import type { ChartSpec, LineSpec } from './specs';

/** What a chart needs of a run. */
export interface ChartRun {
  id: string;
  name: string;
  colour: RunColour | undefined;
  rows: readonly MetricRow[];
  events: readonly RunEventRecord[];
}

export interface PlotLine {
  id: string;
  run: ChartRun;
  spec: LineSpec;
  /** All values, for the cursor and the table. */
  points: Point[];
  /** What is drawn: smoothed and thinned. */
  drawn: Point[];
  last: Point | undefined;
}

export interface ShareArea {
  id: string;
  run: ChartRun;
  label: string;
  drawn: { x: number; share: [number, number] | null }[];
}

export interface PlotTick {
  x: number;
  run: ChartRun;
  kind: RunEventRecord['kind'] | 'nan';
  text: string;
}

export interface Plot {
  lines: PlotLine[];
  shares: ShareArea[];
  ticks: PlotTick[];
  /** How many things the values were measured on, one number a run unless all agree; empty where nobody says. */
  counts: number[];
  x: Scale;
  y: Scale;
}

/** A plot is some 300 to 500 pixels wide: more points than this would fall on one another. */
const BUCKETS = 150;

/** The x range all charts share: from zero, or the first value, to the furthest any shown run has come. */
export function xScale(runs: readonly ChartRun[], axis: AxisId): Scale {
  let max = -Infinity;
  for (const run of runs) {
    for (const row of run.rows) {
      const x = axisValue(row, axis);
      if (x !== undefined && x > max) max = x;
    }
  }
  const end = Number.isFinite(max) && max > 0 ? max : 1;
  return { min: 0, max: end, ticks: ticksWithin(0, end, 5, axis !== 'epoch' && axis !== 'seconds') };
}

export function buildPlot(
  spec: ChartSpec,
  runs: readonly ChartRun[],
  axis: AxisId,
  smoothing: number,
  x: Scale,
): Plot {
  const lines: PlotLine[] = [];
  for (const run of runs) {
    for (const line of spec.lines) {
      const points = extract(run.rows, line.key, axis, line.minor ? undefined : spec.band);
      if (points.length === 0) continue;
      const drawn = thin(smooth(points, spec.points ? 0 : smoothing), BUCKETS);
      lines.push({ id: `${run.id} ${line.key}`, run, spec: line, points, drawn, last: lastValue(points) });
    }
  }
  const shares = spec.shares ? shareAreas(runs, spec.shares, axis) : [];
  const counts = spec.count === undefined ? [] : countsOf(runs, spec.count);
  return { lines, shares, ticks: ticksOf(runs, lines, axis), counts, x, y: yScale(spec, lines) };
}

function yScale(spec: ChartSpec, lines: readonly PlotLine[]): Scale {
  if (lines.length === 0) return { min: 0, max: 1, ticks: [] };
  let low = spec.range?.[0] ?? Infinity;
  let high = spec.range?.[1] ?? -Infinity;
  for (const line of lines) {
    for (const point of line.points) {
      if (point.raw === null) continue;
      low = Math.min(low, point.raw, point.band?.[0] ?? Infinity);
      high = Math.max(high, point.raw, point.band?.[1] ?? -Infinity);
    }
  }
  const scale = spec.range ? niceScale(low, high, 4) : tighten(niceScale(low, high, 4), low, high);
  if (!spec.percent) return scale;
  const ticks = scale.ticks.filter((tick) => tick >= 0 && tick <= 1);
  return { min: Math.max(0, scale.min), max: Math.min(1, scale.max), ticks };
}

function countsOf(runs: readonly ChartRun[], key: string): number[] {
  const counts = runs.flatMap(
    (run) => run.rows.findLast((row) => row.values[key] !== undefined)?.values[key] ?? [],
  );
  return new Set(counts).size === 1 ? counts.slice(0, 1) : counts;
}

/** Takes away the empty part of a first or last step of which the data fills only a sliver. */
function tighten(scale: Scale, low: number, high: number): Scale {
  const [first = 0, second = 1] = scale.ticks;
  const step = second - first;
  const min = low - scale.min > 0.7 * step ? low - 0.1 * step : scale.min;
  const max = scale.max - high > 0.7 * step ? high + 0.1 * step : scale.max;
  return { min, max, ticks: scale.ticks.filter((tick) => tick >= min && tick <= max) };
}

const SHARE_LABELS = ['reward 1', 'reward 0.1', 'reward 0'];

/** The stacked shares of the last run that logs them. */
function shareAreas(
  runs: readonly ChartRun[],
  keys: readonly [string, string, string],
  axis: AxisId,
): ShareArea[] {
  const run = runs.findLast((candidate) => candidate.rows.some((row) => row.values[keys[0]] !== undefined));
  if (!run) return [];
  const columns = keys.map((key) => extract(run.rows, key, axis));
  const [first] = columns;
  if (!first || columns.some((column) => column.length !== first.length)) return [];
  const every = Math.max(1, Math.ceil(first.length / BUCKETS));
  let floors = first.map(() => 0);
  return columns.map((column, c) => {
    const tops = column.map((point, i) => (floors[i] ?? 0) + (point.raw ?? NaN));
    const drawn = column
      .map((point, i): ShareArea['drawn'][number] => {
        const top = tops[i] ?? NaN;
        return { x: point.x, share: Number.isFinite(top) ? [floors[i] ?? 0, top] : null };
      })
      .filter((_, i) => i % every === 0 || i === column.length - 1);
    floors = tops;
    return { id: `${run.id} ${keys[c] ?? ''}`, run, label: SHARE_LABELS[c] ?? '', drawn };
  });
}

const TICK_KINDS = new Set<RunEventRecord['kind']>(['warmup_end', 'best', 'alarm']);

/** Events worth a mark on the axis (of `best` only the last), and every value that was no number. */
function ticksOf(runs: readonly ChartRun[], lines: readonly PlotLine[], axis: AxisId): PlotTick[] {
  const ticks: PlotTick[] = [];
  for (const run of runs) {
    const best = run.events.findLast((event) => event.kind === 'best');
    for (const event of run.events) {
      if (!TICK_KINDS.has(event.kind) || (event.kind === 'best' && event !== best)) continue;
      const x = positionOfStep(run.rows, event.step, axis);
      if (x !== undefined) ticks.push({ x, run, kind: event.kind, text: event.text });
    }
  }
  for (const line of lines) {
    for (const point of line.points) {
      if (point.raw !== null) continue;
      const text = `${line.spec.key} was not a number at step ${point.step}`;
      ticks.push({ x: point.x, run: line.run, kind: 'nan', text });
    }
  }
  return ticks;
}

/** Where a step lies on an axis: the x of the first row at or after it. */
function positionOfStep(rows: readonly MetricRow[], step: number, axis: AxisId): number | undefined {
  if (axis === 'step') return step;
  const row = rows.find((candidate) => candidate.step >= step && candidate.values[axis] !== undefined);
  return row && axisValue(row, axis);
}
