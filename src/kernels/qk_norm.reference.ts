import type { Heads } from './rope';

type Numbers = ArrayLike<number>;

/** Where the heads that are normed begin in a row of qkv, and which of the two weights is theirs. */
function* normedHeads(
  N: number,
  { NH, NKV, HS }: Heads,
): Generator<{ at: number; row: number; own: number }> {
  for (let n = 0; n < N; n++) {
    for (let head = 0; head < NH + NKV; head++) {
      const at = (n * (NH + 2 * NKV) + head) * HS;
      yield { at, row: n * (NH + NKV) + head, own: head < NH ? 0 : HS };
    }
  }
}

/** `qk_norm_forward` in f64: inp (N,QKV), weight (2,HS) → out (N,QKV), rstd (N,NH+NKV). */
export function qkNormForwardReference(
  inp: Numbers,
  weight: Numbers,
  N: number,
  heads: Heads,
  eps: number,
  offset = 0,
): { out: Float64Array; rstd: Float64Array } {
  const { NH, NKV, HS } = heads;
  const out = Float64Array.from(inp);
  const rstd = new Float64Array(N * (NH + NKV));
  for (const { at, row, own } of normedHeads(N, heads)) {
    let squares = 0;
    for (let c = 0; c < HS; c++) squares += inp[at + c]! ** 2;
    const scale = 1 / Math.sqrt(squares / HS + eps);
    for (let c = 0; c < HS; c++) out[at + c] = (weight[own + c]! + offset) * inp[at + c]! * scale;
    rstd[row] = scale;
  }
  return { out, rstd };
}

/** Gradients of Σ dout·out: dqkv (N,QKV), dout itself where values are, and dweight (2,HS). */
export function qkNormBackwardReference(
  dout: Numbers,
  inp: Numbers,
  weight: Numbers,
  rstd: Numbers,
  N: number,
  heads: Heads,
  offset = 0,
): { dqkv: Float64Array; dweight: Float64Array } {
  const { HS } = heads;
  const dqkv = Float64Array.from(dout);
  const dweight = new Float64Array(2 * HS);
  for (const { at, row, own } of normedHeads(N, heads)) {
    const scale = rstd[row]!;
    let products = 0;
    for (let c = 0; c < HS; c++) {
      products += dout[at + c]! * (weight[own + c]! + offset) * inp[at + c]!;
      dweight[own + c]! += dout[at + c]! * inp[at + c]! * scale;
    }
    for (let c = 0; c < HS; c++) {
      const g = dout[at + c]! * (weight[own + c]! + offset);
      dqkv[at + c] = scale * (g - (inp[at + c]! * scale * scale * products) / HS);
    }
  }
  return { dqkv, dweight };
}
