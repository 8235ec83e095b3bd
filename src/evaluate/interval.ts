/** 95 % two-sided quantile of the normal distribution. */
const Z = 1.959963984540054;

/** Accuracy and its 95 % interval, as shares from 0 to 1. */
export interface Interval {
  accuracy: number;
  low: number;
  high: number;
}

/**
 * Wilson's score interval of `correct` out of `n` (Wilson 1927), without continuity correction.
 * For n = 0 nothing is known: accuracy 0, interval 0 to 1.
 */
export function wilson(correct: number, n: number): Interval {
  if (n === 0) return { accuracy: 0, low: 0, high: 1 };
  const share = correct / n;
  const z2 = (Z * Z) / n;
  const centre = share + z2 / 2;
  const half = Z * Math.sqrt((share * (1 - share)) / n + z2 / (4 * n));
  return {
    accuracy: share,
    low: correct === 0 ? 0 : Math.max(0, (centre - half) / (1 + z2)),
    high: correct === n ? 1 : Math.min(1, (centre + half) / (1 + z2)),
  };
}
