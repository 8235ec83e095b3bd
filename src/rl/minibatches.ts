import type { Rng } from './rng';

/**
 * 0 … n−1 in groups of `size`, the last one smaller where n is no multiple; in random order when `shuffle`.
 * `rng` is drawn from only when shuffling.
 */
export function minibatches(n: number, size: number, rng: Rng, shuffle: boolean): number[][] {
  const order = Array.from({ length: n }, (_, index) => index);
  if (shuffle) rng.shuffle(order);
  const groups: number[][] = [];
  for (let start = 0; start < n; start += size) groups.push(order.slice(start, start + size));
  return groups;
}
