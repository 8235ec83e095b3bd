import type { Cost, Roofline, Stream } from '../figure';
import type { FmaWay } from './fma';

/** Rate of a probe that moves so many bytes (read plus written) in one way: few stay in a cache. */
export interface StreamRate {
  stream: Stream;
  bytes: number;
  gb_s: number;
}

/** The measured roofs, with the rates of every way to move memory at several sizes; the report has the largest copy's. */
export interface Roofs extends Roofline {
  streams: readonly StreamRate[];
  /** How the FMA peak was reached; undefined where it is unknown. */
  fma_way?: FmaWay | undefined;
}

/** What no stream is slower than: reading alone moves no more than a change in place, that no more than a copy. */
const HARDER = {
  copy: ['copy'],
  in_place: ['copy', 'in_place'],
  read: ['copy', 'in_place', 'read'],
} as const satisfies Record<Stream, readonly Stream[]>;

/**
 * GB/s that traffic of `bytes` may reach: the best of the probes of its kind, and of harder ones, that moved as much or more
 * (what a larger one reaches, a smaller could, but for what a dispatch costs). Past the largest probe that one counts. Null
 * when unknown.
 */
export function streamRoof({ streams }: Roofs, stream: Stream, bytes: number): number | null {
  const rates = HARDER[stream].flatMap((kind) => {
    const own = streams.filter((rate) => rate.stream === kind);
    const most = Math.min(bytes, Math.max(...own.map((rate) => rate.bytes)));
    return own.filter((rate) => rate.bytes >= most).map(({ gb_s }) => gb_s);
  });
  return rates.length ? Math.max(...rates) : null;
}

/**
 * Milliseconds that `cost` takes at the roof: the slower of arithmetic and traffic at the measured peaks (Williams et al.
 * 2009, CACM 52(4)). Undefined when a needed peak is unknown.
 */
export function leastMilliseconds({ flops, bytes, stream = 'copy' }: Cost, roofs: Roofs): number | undefined {
  const rate = streamRoof(roofs, stream, bytes);
  const { fma_gflop_s: fma } = roofs;
  if ((flops > 0 && fma === null) || (bytes > 0 && rate === null)) return undefined;
  return Math.max(flops / (fma ?? Infinity), bytes / (rate ?? Infinity)) / 1e6;
}

/** Share of the roof that `cost` reached in `milliseconds`, or undefined when a needed peak is unknown. */
export function fractionOfRoof(cost: Cost, milliseconds: number, roofs: Roofs): number | undefined {
  const least = leastMilliseconds(cost, roofs);
  return least === undefined || !(milliseconds > 0) ? undefined : least / milliseconds;
}
