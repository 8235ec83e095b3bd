type Numbers = ArrayLike<number>;

/**
 * out = (inp − mean) · rstd · weight + bias, rstd = 1/√(mean((inp − mean)²) + eps), in f64. inp (N,C), weight (2,C): the
 * weight, then the bias → out (N,C), stats (N,2): mean, rstd.
 */
export function layernormForwardReference(
  inp: Numbers,
  weight: Numbers,
  N: number,
  C: number,
  eps: number,
): { out: Float64Array; stats: Float64Array } {
  const out = new Float64Array(N * C);
  const stats = new Float64Array(N * 2);
  for (let n = 0; n < N; n++) {
    let mean = 0;
    for (let c = 0; c < C; c++) mean += inp[n * C + c]! / C;
    let variance = 0;
    for (let c = 0; c < C; c++) variance += (inp[n * C + c]! - mean) ** 2 / C;
    const rstd = 1 / Math.sqrt(variance + eps);
    for (let c = 0; c < C; c++) {
      out[n * C + c] = (inp[n * C + c]! - mean) * rstd * weight[c]! + weight[C + c]!;
    }
    stats.set([mean, rstd], 2 * n);
  }
  return { out, stats };
}

/** sum = inp + branch, then `layernormForwardReference` of it. */
export function residualLayernormForwardReference(
  inp: Numbers,
  branch: Numbers,
  weight: Numbers,
  N: number,
  C: number,
  eps: number,
): { sum: Float64Array; out: Float64Array; stats: Float64Array } {
  const sum = Float64Array.from({ length: N * C }, (_, i) => inp[i]! + branch[i]!);
  return { sum, ...layernormForwardReference(sum, weight, N, C, eps) };
}

/** Gradients of Σ dout·out: dinp (N,C) and dweight (2,C), of the weight and then of the bias; nothing accumulated. */
export function layernormBackwardReference(
  dout: Numbers,
  inp: Numbers,
  weight: Numbers,
  stats: Numbers,
  N: number,
  C: number,
): { dinp: Float64Array; dweight: Float64Array } {
  const dinp = new Float64Array(N * C);
  const dweight = new Float64Array(2 * C);
  for (let n = 0; n < N; n++) {
    const [mean, rstd] = [stats[2 * n]!, stats[2 * n + 1]!];
    const x = Float64Array.from({ length: C }, (_, c) => (inp[n * C + c]! - mean) * rstd);
    const g = Float64Array.from({ length: C }, (_, c) => dout[n * C + c]! * weight[c]!);
    const meanG = g.reduce((sum, value) => sum + value, 0) / C;
    const meanGx = g.reduce((sum, value, c) => sum + value * x[c]!, 0) / C;
    for (let c = 0; c < C; c++) {
      dinp[n * C + c] = rstd * (g[c]! - meanG - x[c]! * meanGx);
      dweight[c]! += dout[n * C + c]! * x[c]!;
      dweight[C + c]! += dout[n * C + c]!;
    }
  }
  return { dinp, dweight };
}
