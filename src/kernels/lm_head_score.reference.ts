/** What is kept of a row's part: max z, Σ e, Σ e (z − m) with e = exp(z − m), and the argmax. */
export interface ScoredPart {
  m: number;
  s: number;
  t: number;
  argmax: number;
}

/** The parts, which hold these tokens, of every row of logits (M,V), in f64; the lowest index wins a tie. */
export function headScoreReference(
  logits: Float64Array,
  M: number,
  V: number,
  parts: readonly (readonly number[])[],
): ScoredPart[] {
  return Array.from({ length: M }, (_, row) => logits.subarray(row * V, (row + 1) * V)).flatMap((z) =>
    parts.map((tokens) => {
      const m = Math.max(...tokens.map((i) => z[i]!));
      return {
        m,
        s: tokens.reduce((sum, i) => sum + Math.exp(z[i]! - m), 0),
        t: tokens.reduce((sum, i) => sum + Math.exp(z[i]! - m) * (z[i]! - m), 0),
        argmax: tokens.find((i) => z[i] === m)!,
      };
    }),
  );
}
