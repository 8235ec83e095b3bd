type Numbers = ArrayLike<number>;

/** Column sums of inp (M,S), with flags (M) added to its last column. */
export function reduceColumnsReference(inp: Numbers, flags: Numbers, M: number, S: number): Float64Array {
  const out = new Float64Array(S);
  for (let i = 0; i < M * S; i++) out[i % S]! += inp[i]!;
  for (let m = 0; m < M; m++) out[S - 1]! += flags[m]!;
  return out;
}

/** Sums of squares: partial w is of every `partials`-th block of `block` elements from block w. */
export function sumSquaresReference(x: Numbers, partials: number, block: number): Float64Array {
  const out = new Float64Array(partials);
  for (let i = 0; i < x.length; i++) out[Math.floor(i / block) % partials]! += x[i]! ** 2;
  return out;
}

/**
 * [global norm, clip factor, this update counts, one has diverged] of the square root of a sum, as torch.nn.utils.clip_grad_norm_ computes
 * them; `max_grad_norm` ≤ 0: factor 1.
 */
export function normFinishReference(partials: Numbers, max_grad_norm: number, diverged = false): number[] {
  let squares = 0;
  for (let i = 0; i < partials.length; i++) squares += partials[i]!;
  const norm = Math.sqrt(squares);
  if (diverged || !Number.isFinite(norm)) return [norm, 0, 0, 1];
  return [norm, max_grad_norm > 0 ? Math.min(1, max_grad_norm / (norm + 1e-6)) : 1, 1, 0];
}
