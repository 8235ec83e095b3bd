/** Gradient of Σ dout·(x + bias) with respect to bias: the column sums (C) of dout (N,C), in f64. */
export function biasBackwardReference(dout: ArrayLike<number>, N: number, C: number): Float64Array {
  const dbias = new Float64Array(C);
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) dbias[c]! += dout[n * C + c]!;
  }
  return dbias;
}
