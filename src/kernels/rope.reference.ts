/** Shapes of a rope call: N tokens whose rows of QKV floats begin with `heads` heads of HS. */
export interface RopeDims {
  N: number;
  QKV: number;
  heads: number;
  HS: number;
  /** Floats of a head that turn; all when left out. */
  R?: number;
}

/** `rope` in f64: returns qkv (N,QKV) with its first heads rotated. Angles come from `table` (T,R), as in
 * the kernel. */
export function ropeReference(
  qkv: ArrayLike<number>,
  positions: ArrayLike<number>,
  table: ArrayLike<number>,
  { N, QKV, heads, HS, R = HS }: RopeDims,
  direction: 1 | -1,
): Float64Array {
  const out = Float64Array.from(qkv);
  const half = R / 2;
  for (let n = 0; n < N; n++) {
    const row = (positions[n] ?? 0) * R;
    for (let head = 0; head < heads; head++) {
      for (let i = 0; i < half; i++) {
        const at = n * QKV + head * HS + i;
        const a = qkv[at] ?? 0;
        const b = qkv[at + half] ?? 0;
        const cosine = table[row + i] ?? 0;
        const sine = direction * (table[row + half + i] ?? 0);
        out[at] = a * cosine - b * sine;
        out[at + half] = b * cosine + a * sine;
      }
    }
  }
  return out;
}
