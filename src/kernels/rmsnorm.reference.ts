type Numbers = ArrayLike<number>;

/** out = (weight + offset) · inp · rstd, rstd = 1/√(mean(inp²) + eps), in f64. inp (N,C), weight (C) → out (N,C), rstd (N). */
export function rmsnormForwardReference(
  inp: Numbers,
  weight: Numbers,
  N: number,
  C: number,
  eps: number,
  offset = 0,
): { out: Float64Array; rstd: Float64Array } {
  const out = new Float64Array(N * C);
  const rstd = new Float64Array(N);
  for (let n = 0; n < N; n++) {
    let squares = 0;
    for (let c = 0; c < C; c++) squares += inp[n * C + c]! ** 2;
    const scale = 1 / Math.sqrt(squares / C + eps);
    for (let c = 0; c < C; c++) out[n * C + c] = (weight[c]! + offset) * inp[n * C + c]! * scale;
    rstd[n] = scale;
  }
  return { out, rstd };
}

/** sum = inp + branch, then `rmsnormForwardReference` of it. */
export function residualRmsnormForwardReference(
  inp: Numbers,
  branch: Numbers,
  weight: Numbers,
  N: number,
  C: number,
  eps: number,
  offset = 0,
): { sum: Float64Array; out: Float64Array; rstd: Float64Array } {
  const sum = Float64Array.from({ length: N * C }, (_, i) => inp[i]! + branch[i]!);
  return { sum, ...rmsnormForwardReference(sum, weight, N, C, eps, offset) };
}

/** Gradients of Σ dout·out: dinp (N,C) and dweight (C), nothing accumulated. */
export function rmsnormBackwardReference(
  dout: Numbers,
  inp: Numbers,
  weight: Numbers,
  rstd: Numbers,
  N: number,
  C: number,
  offset = 0,
): { dinp: Float64Array; dweight: Float64Array } {
  const dinp = new Float64Array(N * C);
  const dweight = new Float64Array(C);
  for (let n = 0; n < N; n++) {
    const scale = rstd[n]!;
    let products = 0;
    for (let c = 0; c < C; c++) {
      const i = n * C + c;
      products += dout[i]! * (weight[c]! + offset) * inp[i]!;
      dweight[c]! += dout[i]! * inp[i]! * scale;
    }
    for (let c = 0; c < C; c++) {
      const i = n * C + c;
      dinp[i] = scale * (dout[i]! * (weight[c]! + offset) - (inp[i]! * scale * scale * products) / C);
    }
  }
  return { dinp, dweight };
}
