/** out (N,C): out[n] = scale · weight[tokens[n]], in f64. */
export function embeddingForwardReference(
  tokens: ArrayLike<number>,
  weight: ArrayLike<number>,
  C: number,
  scale = 1,
): Float64Array {
  const out = new Float64Array(tokens.length * C);
  for (let n = 0; n < tokens.length; n++) {
    for (let c = 0; c < C; c++) out[n * C + c] = scale * (weight[(tokens[n] ?? 0) * C + c] ?? 0);
  }
  return out;
}

/** dweight (V,C): scale times the sum of dout (N,C) over the positions of each token, in f64. */
export function embeddingBackwardReference(
  dout: ArrayLike<number>,
  tokens: ArrayLike<number>,
  V: number,
  C: number,
  scale = 1,
): Float64Array {
  const dweight = new Float64Array(V * C);
  for (let n = 0; n < tokens.length; n++) {
    for (let c = 0; c < C; c++) {
      const at = (tokens[n] ?? 0) * C + c;
      dweight[at] = (dweight[at] ?? 0) + scale * (dout[n * C + c] ?? 0);
    }
  }
  return dweight;
}
