import type { HeadParts } from './lm_head_parts';

/** What is kept of a row's part: max z, Σ e, Σ e (z − m) with e = exp(z − m), and the argmax. */
export interface ScoredPart {
  m: number;
  s: number;
  t: number;
  argmax: number;
}

/** The parts of every row of logits (M,V), in f64; the lowest index wins a tie. */
export function headScoreReference(
  logits: Float64Array,
  M: number,
  V: number,
  { width, P }: HeadParts,
): ScoredPart[] {
  return Array.from({ length: M * P }, (_, at) => {
    const [row, p] = [Math.floor(at / P), at % P];
    const z = logits.subarray(row * V + p * width, row * V + Math.min(V, (p + 1) * width));
    const m = Math.max(...z);
    return {
      m,
      s: z.reduce((sum, x) => sum + Math.exp(x - m), 0),
      t: z.reduce((sum, x) => sum + Math.exp(x - m) * (x - m), 0),
      argmax: p * width + z.indexOf(m),
    };
  });
}
