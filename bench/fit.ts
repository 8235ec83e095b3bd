/** One measurement of a growth series. */
export interface GrowthPoint {
  x: number;
  y: number;
}

/** How y grows with x: y ≈ scale · x^exponent by least squares of logarithms. */
export interface Fit {
  exponent: number;
  scale: number;
  /** The largest exponent between neighbours: far above the fitted one, it is a cliff. */
  steepest: number;
  /** x where the steepest stretch ends. */
  steepestAt: number;
}

/** Fits a power law. Errors: throws with fewer than two points, or one that is not positive. */
export function fitPower(points: readonly GrowthPoint[]): Fit {
  if (points.length < 2) throw new Error(`a power law takes two points or more, not ${points.length}`);
  const logs = points.map(({ x, y }) => {
    if (!(x > 0 && y > 0)) throw new Error(`a power law takes positive numbers, not (${x}, ${y})`);
    return [Math.log(x), Math.log(y)] as const;
  });
  const mean = (at: 0 | 1): number => logs.reduce((sum, log) => sum + log[at], 0) / logs.length;
  const [mx, my] = [mean(0), mean(1)];
  const variance = logs.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  const exponent = logs.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) / variance;
  let steepest = -Infinity;
  let steepestAt = Number.NaN;
  for (let i = 1; i < logs.length; i++) {
    const [[x0, y0], [x1, y1]] = [logs[i - 1] ?? [0, 0], logs[i] ?? [0, 0]];
    const local = (y1 - y0) / (x1 - x0);
    if (local > steepest) {
      steepest = local;
      steepestAt = points[i]?.x ?? Number.NaN;
    }
  }
  return { exponent, scale: Math.exp(my - exponent * mx), steepest, steepestAt };
}
