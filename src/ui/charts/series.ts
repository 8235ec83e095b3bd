/** From metric rows to the points of a line: extraction, smoothing, thinning. Pure. */
import type { MetricRow } from '../../runs/run';
import type { AxisId } from '../stores/view';

export interface Point {
  step: number;
  x: number;
  /** Null where the logged value was NaN or infinite: the line breaks there. */
  raw: number | null;
  /** The smoothed value; equals `raw` without smoothing. */
  y: number | null;
  /** Lower and upper end of the interval, where the metric has one. */
  band: [number, number] | null;
  /** Neither neighbour has a value: drawn as a dot, since no line reaches it. */
  lone: boolean;
}

/** Where a row stands on an axis; undefined when the run does not count in that unit. */
export function axisValue(row: MetricRow, axis: AxisId): number | undefined {
  return axis === 'step' ? row.step : row.values[axis];
}

/** Every value of a metric, in order; rows without the metric are passed over, values that are no numbers kept as null. */
export function extract(
  rows: readonly MetricRow[],
  key: string,
  axis: AxisId,
  bandKeys?: readonly [string, string],
): Point[] {
  const points: Point[] = [];
  for (const row of rows) {
    const value = row.values[key];
    const x = axisValue(row, axis);
    if (value === undefined || x === undefined || !Number.isFinite(x)) continue;
    const raw = Number.isFinite(value) ? value : null;
    points.push({ step: row.step, x, raw, y: raw, band: bandOf(row, bandKeys), lone: false });
  }
  return markLone(points);
}

function bandOf(row: MetricRow, keys: readonly [string, string] | undefined): [number, number] | null {
  if (!keys) return null;
  const low = row.values[keys[0]];
  const high = row.values[keys[1]];
  return Number.isFinite(low) && Number.isFinite(high) ? [low ?? 0, high ?? 0] : null;
}

function markLone(points: Point[]): Point[] {
  points.forEach((point, i) => {
    point.lone =
      point.raw !== null && (points[i - 1]?.raw ?? null) === null && (points[i + 1]?.raw ?? null) === null;
  });
  return points;
}

/** A mean over more than this share of a series would hide where it goes. */
const LARGEST_WINDOW = 0.1;

/**
 * Exponential mean with weight `factor` on the past, corrected for its start; it starts anew after a gap. The weight is
 * held down for short series, so that the mean never reaches over more than a tenth of them.
 */
export function smooth(points: readonly Point[], wanted: number): Point[] {
  const factor = Math.min(wanted, 1 - 1 / Math.max(1, LARGEST_WINDOW * points.length));
  if (factor <= 0) return [...points];
  let mean = 0;
  let weight = 0;
  return points.map((point) => {
    if (point.raw === null) {
      mean = 0;
      weight = 0;
      return point;
    }
    mean = factor * mean + (1 - factor) * point.raw;
    weight = factor * weight + (1 - factor);
    return { ...point, y: mean / weight };
  });
}

/**
 * At most about `2 * buckets` points: of each bucket of neighbours the lowest and the highest raw value are kept, in
 * order, so that spikes survive; gaps and the first and last point are kept too.
 */
export function thin(points: readonly Point[], buckets: number): Point[] {
  if (points.length <= 2 * buckets + 2) return [...points];
  const kept: Point[] = [];
  const size = points.length / buckets;
  for (let b = 0; b < buckets; b++) {
    const from = Math.floor(b * size);
    const to = b === buckets - 1 ? points.length : Math.floor((b + 1) * size);
    keepExtremes(points, from, to, kept);
  }
  return markLone(kept);
}

function keepExtremes(points: readonly Point[], from: number, to: number, kept: Point[]): void {
  const keep = new Set<number>();
  if (from === 0) keep.add(0);
  if (to === points.length) keep.add(to - 1);
  let low = -1;
  let high = -1;
  for (let i = from; i < to; i++) {
    const value = points[i]?.raw ?? null;
    if (value === null) {
      keep.add(i);
      continue;
    }
    if (low < 0 || value < (points[low]?.raw ?? 0)) low = i;
    if (high < 0 || value > (points[high]?.raw ?? 0)) high = i;
  }
  if (low >= 0) keep.add(low);
  if (high >= 0) keep.add(high);
  for (const i of [...keep].sort((a, b) => a - b)) {
    const point = points[i];
    if (point) kept.push({ ...point });
  }
}

/** The point nearest to x, by bisection; undefined when there is none. */
export function nearest(points: readonly Point[], x: number): Point | undefined {
  let low = 0;
  let high = points.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points[middle]?.x ?? Infinity) < x) low = middle + 1;
    else high = middle;
  }
  const right = points[low];
  const left = points[low - 1];
  if (!left || !right) return right;
  return x - left.x <= right.x - x ? left : right;
}

/** The last value that is a number. */
export function lastValue(points: readonly Point[]): Point | undefined {
  return points.findLast((point) => point.raw !== null);
}
