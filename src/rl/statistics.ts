/** Means and variances over all completion tokens of a rollout. */
import type { Tokens } from './gae';

const WHITEN_EPS = 1e-8;

/** Mean and unbiased variance (n − 1) of all numbers together; variance 0 for fewer than two. */
export function moments(sequences: readonly Tokens[]): { n: number; mean: number; variance: number } {
  let n = 0;
  let sum = 0;
  for (const sequence of sequences) {
    n += sequence.length;
    for (const x of sequence) sum += x;
  }
  if (n === 0) return { n, mean: 0, variance: 0 };
  const mean = sum / n;
  let squares = 0;
  for (const sequence of sequences) for (const x of sequence) squares += (x - mean) ** 2;
  return { n, mean, variance: n > 1 ? squares / (n - 1) : 0 };
}

/**
 * All numbers together to zero mean and unit unbiased variance: (x − mean) / sqrt(variance + 1e-8).
 * @param sequences advantages, one array a completion; returned in the same shape
 */
export function whiten(sequences: readonly Tokens[]): Float64Array[] {
  const { mean, variance } = moments(sequences);
  const scale = 1 / Math.sqrt(variance + WHITEN_EPS);
  return sequences.map((sequence) => Float64Array.from(sequence, (x) => (x - mean) * scale));
}

/**
 * How much of the returns' variance the values explain: 1 − var(R − V) / var(R); 1 is all, 0 is no better than their
 * mean. NaN when the returns do not vary.
 */
export function explainedVariance(returns: readonly Tokens[], values: readonly Tokens[]): number {
  const residuals = returns.map((sequence, i) =>
    Float64Array.from(sequence, (x, t) => x - (values[i]?.[t] ?? 0)),
  );
  const total = moments(returns).variance;
  return total > 0 ? 1 - moments(residuals).variance / total : NaN;
}
