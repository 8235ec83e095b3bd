import { median } from '../figure';

/** Something whose work can be set: resolves to the milliseconds that `work` units took. */
export type Probe = (work: number) => Promise<number>;

/** Twice the work must take this many times as long, or the compiler removed some of it, or something else ran. */
export const DOUBLING = { least: 1.8, most: 2.2 } as const;
/** A sample of single work takes at least this long. */
const LEAST_MS = 12;
const PAIRS = 5;
const ATTEMPTS = 3;
const MOST_WORK = 2 ** 24;

export interface ProbeResult {
  /** Units of work a millisecond, or null when doubling the work did not double the time. */
  rate: number | null;
  /** Time of double work over time of single work. */
  doubling: number;
}

/** Work that takes `LEAST_MS` at least, found by doubling; the runs are the warm-up. Null when no amount does. */
export async function workFor(probe: Probe): Promise<number | null> {
  await probe(1); // compiles
  for (let work = 1; work <= MOST_WORK; work *= 2) {
    if ((await probe(work)) >= LEAST_MS) return work;
  }
  return null;
}

/**
 * Times single and double work in turn and checks the one against the other: a probe whose work was removed, or whose
 * time is not its work's, has no rate. Tries again when something else ran meanwhile.
 */
export async function measureRate(probe: Probe): Promise<ProbeResult> {
  const work = await workFor(probe);
  if (work === null) return { rate: null, doubling: Number.NaN };
  let doubling = Number.NaN;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const single: number[] = [];
    const double: number[] = [];
    for (let pair = 0; pair < PAIRS; pair++) {
      single.push(await probe(work));
      double.push(await probe(2 * work));
    }
    doubling = median(double) / median(single);
    if (doubling >= DOUBLING.least && doubling <= DOUBLING.most)
      return { rate: (2 * work) / median(double), doubling };
  }
  return { rate: null, doubling };
}
