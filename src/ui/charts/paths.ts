/** From points to the `d` of SVG paths, in a box of SIDE × SIDE units that is stretched over the plot. Pure. */
import { shareOf, type Box } from './geometry';

/** Units of the drawing's width and of its height. */
export const SIDE = 1000;

interface Place {
  x: number;
  /** Null breaks the line. */
  y: number | null;
}

interface Stretch {
  x: number;
  /** Lower and upper end; null breaks the area. */
  range: readonly [number, number] | null;
}

/** A polyline through all points that have a y. */
export function linePath(points: readonly Place[], box: Box): string {
  let path = '';
  let down = false;
  for (const { x, y } of points) {
    if (y !== null) path += `${down ? 'L' : 'M'}${at(box, x, y)}`;
    down = y !== null;
  }
  return path;
}

/** The area between the ends of each unbroken run of ranges. */
export function areaPath(stretches: readonly Stretch[], box: Box): string {
  let path = '';
  let upper: string[] = [];
  let lower: string[] = [];
  const close = () => {
    if (upper.length > 1) path += `M${[...upper, ...lower.reverse()].join('L')}Z`;
    upper = [];
    lower = [];
  };
  for (const { x, range } of stretches) {
    if (!range) {
      close();
      continue;
    }
    lower.push(at(box, x, range[0]));
    upper.push(at(box, x, range[1]));
  }
  close();
  return path;
}

/** A segment of no length at each point: with round caps it is a dot, whatever the box is stretched to. */
export function dotPath(points: readonly Place[], box: Box): string {
  return points.map(({ x, y }) => (y === null ? '' : `M${at(box, x, y)}h0`)).join('');
}

/** Horizontal lines over the whole width. */
export function gridPath(ys: readonly number[], box: Box): string {
  return ys.map((y) => `M0 ${vertical(box, y)}H${SIDE}`).join('');
}

function at(box: Box, x: number, y: number): string {
  return `${round(SIDE * shareOf(box.x, x))} ${vertical(box, y)}`;
}

function vertical(box: Box, y: number): number {
  return round(SIDE * (1 - shareOf(box.y, y)));
}

const round = (value: number): number => Math.round(value * 10) / 10;
