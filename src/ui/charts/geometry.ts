/** Where the plot lies in its box. Fixed, so that marks can be laid over the drawing without measuring it. */
import type { Scale } from './scale';

export const PLOT = { height: 208, left: 48, right: 60, top: 10, bottom: 24 } as const;

/** Share of the way from the left to the right end of a scale. */
export function shareOf(scale: Scale, value: number): number {
  const width = scale.max - scale.min;
  return width > 0 ? (value - scale.min) / width : 0;
}

/** CSS position of an x value inside the plot's box. */
export function leftOf(scale: Scale, x: number): string {
  return `calc(${PLOT.left}px + (100% - ${PLOT.left + PLOT.right}px) * ${shareOf(scale, x)})`;
}

/** Distance from the box's top to a y value, in pixels. */
export function topOf(scale: Scale, y: number): number {
  const inner = PLOT.height - PLOT.top - PLOT.bottom;
  return PLOT.top + inner * (1 - shareOf(scale, y));
}

/** The x value under a pointer at `clientX`; null outside the axes. */
export function xAt(scale: Scale, clientX: number, box: DOMRect): number | null {
  const share = (clientX - box.left - PLOT.left) / (box.width - PLOT.left - PLOT.right);
  return share < -0.01 || share > 1.01 ? null : scale.min + share * (scale.max - scale.min);
}
