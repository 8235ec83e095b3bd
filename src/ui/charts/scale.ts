/** Axis ranges and their ticks. Pure. */

export interface Scale {
  min: number;
  max: number;
  ticks: number[];
}

/** Round ticks (1, 2 or 5 times a power of ten) that cover a range; a range of no width is widened. */
export function niceScale(low: number, high: number, count: number): Scale {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return niceScale(0, 1, count);
  if (low === high) {
    const half = low === 0 ? 1 : Math.abs(low) * 0.1;
    return niceScale(low - half, high + half, count);
  }
  const step = niceStep((high - low) / count);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  const ticks: number[] = [];
  for (let i = first; i <= last; i++) ticks.push(clean(i * step, step));
  return { min: ticks[0] ?? low, max: ticks.at(-1) ?? high, ticks };
}

/** Round ticks inside a range that itself stays as it is: for x axes, where a line should reach the edge. */
export function ticksWithin(low: number, high: number, count: number, wholeOnly = false): number[] {
  if (!(high > low)) return [low];
  const raw = niceStep((high - low) / count);
  const step = wholeOnly ? Math.max(1, Math.round(raw)) : raw;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-12); i++)
    ticks.push(clean(i * step, step));
  return ticks;
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const share = rough / power;
  return (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10) * power;
}

/** Removes the binary dust of i * 0.1. */
function clean(value: number, step: number): number {
  const digits = Math.min(20, Math.max(0, 1 - Math.floor(Math.log10(step))));
  return Number(value.toFixed(digits));
}

/** Pushes labels apart that stand closer than `gap`, keeping their order and all within [low, high]. */
export function spread(positions: readonly number[], gap: number, low: number, high: number): number[] {
  const order = positions.map((_, i) => i).sort((a, b) => (positions[a] ?? 0) - (positions[b] ?? 0));
  const placed = [...positions];
  let floor = low;
  for (const i of order) {
    placed[i] = Math.max(placed[i] ?? 0, floor);
    floor = (placed[i] ?? 0) + gap;
  }
  let ceiling = high;
  for (const i of order.toReversed()) {
    placed[i] = Math.min(placed[i] ?? 0, ceiling);
    ceiling = (placed[i] ?? 0) - gap;
  }
  return placed;
}
