import type { Cost, Roofline } from '../figure';

/** Rate of a copy that moves so many bytes (read plus written): small ones stay in a cache. */
export interface CopyRate {
  bytes: number;
  gb_s: number;
}

/** The measured roofs, with copies of several sizes beside the report's one that no cache holds. */
export interface Roofs extends Roofline {
  copies: readonly CopyRate[];
}

/**
 * GB/s that traffic of `bytes` may reach: the best copy that moved as much or more (what a larger copy reaches, a smaller
 * one could, but for what a dispatch costs). Null when unknown.
 */
export function copyRoof({ copies, copy_gb_s }: Roofs, bytes: number): number | null {
  const rates = copies.filter((copy) => copy.bytes >= bytes).map(({ gb_s }) => gb_s);
  if (copy_gb_s !== null) rates.push(copy_gb_s);
  return rates.length ? Math.max(...rates) : null;
}

/**
 * Milliseconds that `cost` takes at the roof: the slower of arithmetic and traffic at the measured peaks (Williams et al.
 * 2009, CACM 52(4)). Undefined when a needed peak is unknown.
 */
export function leastMilliseconds({ flops, bytes }: Cost, roofs: Roofs): number | undefined {
  const copy = copyRoof(roofs, bytes);
  const { fma_gflop_s: fma } = roofs;
  if ((flops > 0 && fma === null) || (bytes > 0 && copy === null)) return undefined;
  return Math.max(flops / (fma ?? Infinity), bytes / (copy ?? Infinity)) / 1e6;
}

/** Share of the roof that `cost` reached in `milliseconds`, or undefined when a needed peak is unknown. */
export function fractionOfRoof(cost: Cost, milliseconds: number, roofs: Roofs): number | undefined {
  const least = leastMilliseconds(cost, roofs);
  return least === undefined || !(milliseconds > 0) ? undefined : least / milliseconds;
}
