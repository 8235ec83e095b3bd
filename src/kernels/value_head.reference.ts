type Numbers = ArrayLike<number>;

/** value = inp · weight + bias in f64. inp (M,C), weight (C) → (M). */
export function valueHeadForwardReference(
  inp: Numbers,
  weight: Numbers,
  bias: number,
  M: number,
  C: number,
): Float64Array {
  const value = new Float64Array(M).fill(bias);
  for (let i = 0; i < M * C; i++) value[Math.floor(i / C)]! += inp[i]! * weight[i % C]!;
  return value;
}

/** Gradients of Σ dvalue·value: dinp (M,C), dweight (C), dbias; nothing accumulated. */
export function valueHeadBackwardReference(
  dvalue: Numbers,
  inp: Numbers,
  weight: Numbers,
  M: number,
  C: number,
): { dinp: Float64Array; dweight: Float64Array; dbias: number } {
  const dinp = new Float64Array(M * C);
  const dweight = new Float64Array(C);
  let dbias = 0;
  for (let m = 0; m < M; m++) {
    dbias += dvalue[m]!;
    for (let c = 0; c < C; c++) {
      dinp[m * C + c] = dvalue[m]! * weight[c]!;
      dweight[c]! += dvalue[m]! * inp[m * C + c]!;
    }
  }
  return { dinp, dweight, dbias };
}
