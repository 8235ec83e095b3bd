import { costOf, parseKernelName } from '../../../bench/cost';
import type { Figure, Roofline } from '../../../bench/figure';
import { formatFraction, formatValue } from '../../../bench/table';

/** One kernel under the roof. */
export interface RooflinePoint {
  figure: Figure;
  model: string;
  kernel: string;
  /** Operations a byte that must move. */
  intensity: number;
  gflop_s: number;
}

/** A scale of powers of ten, in shares of the drawing. */
export interface LogScale {
  least: number;
  most: number;
  ticks: number[];
  at: (value: number) => number;
}

/** The kernels of a report that compute anything, with their place in the plot. */
export function rooflinePoints(figures: readonly Figure[]): RooflinePoint[] {
  return figures.flatMap((figure) => {
    const name = parseKernelName(figure.name);
    if (!name) return [];
    const { flops, bytes } = costOf(name.kernel, name.dims);
    if (!(flops > 0 && bytes > 0 && figure.value > 0)) return [];
    const intensity = flops / bytes;
    const gflop_s = figure.unit === 'GB/s' ? figure.value * intensity : figure.value;
    return [{ figure, model: name.model, kernel: name.kernel, intensity, gflop_s }];
  });
}

/** Whole powers of ten around the values; at least two of them. */
export function logScale(values: readonly number[]): LogScale {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value));
  const low = positive.length ? Math.floor(Math.log10(Math.min(...positive))) : 0;
  const high = Math.max(low + 1, positive.length ? Math.ceil(Math.log10(Math.max(...positive))) : 1);
  return {
    least: 10 ** low,
    most: 10 ** high,
    ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)),
    at: (value) => (Math.log10(value) - low) / (high - low),
  };
}

/** The roof from the least to the most intensity: up the copy's slope, then flat at the FMA peak. */
export function roofLine({ copy_gb_s, fma_gflop_s }: Roofline, x: LogScale): [number, number][] {
  if (fma_gflop_s === null && copy_gb_s === null) return [];
  if (copy_gb_s === null)
    return [
      [x.least, fma_gflop_s ?? 0],
      [x.most, fma_gflop_s ?? 0],
    ];
  const top = fma_gflop_s ?? Infinity;
  const ridge = top / copy_gb_s;
  const line: [number, number][] = [[x.least, Math.min(top, x.least * copy_gb_s)]];
  if (ridge > x.least && ridge < x.most) line.push([ridge, top]);
  line.push([x.most, Math.min(top, x.most * copy_gb_s)]);
  return line;
}

/** The models of these points, the smallest first: by the width of their widest matmul. */
export function bySize(points: readonly RooflinePoint[]): string[] {
  const work = new Map<string, number>();
  for (const { model, kernel, figure } of points) {
    if (!kernel.startsWith('matmul')) continue;
    const { N = 0, K = 0 } = parseKernelName(figure.name)?.dims ?? {};
    work.set(model, Math.max(work.get(model) ?? 0, N * K));
  }
  const models = [...new Set(points.map(({ model }) => model))];
  return models.sort((a, b) => (work.get(a) ?? 0) - (work.get(b) ?? 0));
}

/** A point in words: what it is, its rate, its place, its share of the roof. */
export function describePoint({ figure, intensity, gflop_s }: RooflinePoint): string {
  const { name, value, unit, fraction_of_roof } = figure;
  const rate = unit === 'GFLOP/s' ? '' : ` = ${formatValue(gflop_s)} GFLOP/s`;
  const share = fraction_of_roof === undefined ? '' : `, ${formatFraction(fraction_of_roof)} of the roof`;
  return `${name.replace('kernels/', '')}: ${formatValue(value)} ${unit}${rate} at ${formatValue(intensity)} operations a byte${share}`;
}
