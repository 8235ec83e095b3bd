/** out (M,C): out[m] = inp[rows[m]], inp (N,C). */
export function gatherRowsReference(
  inp: ArrayLike<number>,
  rows: ArrayLike<number>,
  C: number,
): Float64Array {
  const out = new Float64Array(rows.length * C);
  for (let m = 0; m < rows.length; m++) {
    for (let c = 0; c < C; c++) out[m * C + c] = inp[(rows[m] ?? 0) * C + c] ?? 0;
  }
  return out;
}

/** dinp (N,C): dout (M,C) put back at `rows`, 0 elsewhere. No row occurs twice. */
export function scatterRowsReference(
  dout: ArrayLike<number>,
  rows: ArrayLike<number>,
  N: number,
  C: number,
): Float64Array {
  const dinp = new Float64Array(N * C);
  for (let m = 0; m < rows.length; m++) {
    for (let c = 0; c < C; c++) dinp[(rows[m] ?? 0) * C + c] = dout[m * C + c] ?? 0;
  }
  return dinp;
}
