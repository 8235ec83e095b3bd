import type { AttentionScores } from './attention';
import type { Heads } from './rope';

/**
 * Causal softmax attention over packed sequences in f64, by the textbook: qkv (N,QKV), seqStart (B+1) → out (N,NH*HS) and
 * lse (N,NH).
 */
export function attentionForwardReference(
  qkv: ArrayLike<number>,
  seqStart: ArrayLike<number>,
  heads: Heads,
  options: AttentionScores = {},
): { out: Float64Array; lse: Float64Array } {
  const { NH, HS } = heads;
  const N = seqStart[seqStart.length - 1] ?? 0;
  const out = new Float64Array(N * NH * HS);
  const lse = new Float64Array(N * NH);
  forEachQuery(qkv, seqStart, heads, options, ({ query, head, start, at, probabilities, logSum }) => {
    lse[query * NH + head] = logSum;
    probabilities.forEach((p, j) => {
      const v = at.v(start + j);
      for (let c = 0; c < HS; c++) {
        const o = (query * NH + head) * HS + c;
        out[o] = (out[o] ?? 0) + p * (qkv[v + c] ?? 0);
      }
    });
  });
  return { out, lse };
}

/** Sum over each head of dout * out: delta (N,NH), which the backward kernels share. */
export function attentionDeltaReference(
  out: ArrayLike<number>,
  dout: ArrayLike<number>,
  { HS }: Heads,
): Float64Array {
  const delta = new Float64Array(out.length / HS);
  return delta.map((_, i) => dot(out, i * HS, dout, i * HS, HS));
}

/** Its gradient: dout (N,NH*HS) → dqkv (N,QKV). */
export function attentionBackwardReference(
  qkv: ArrayLike<number>,
  seqStart: ArrayLike<number>,
  dout: ArrayLike<number>,
  heads: Heads,
  options: AttentionScores = {},
): Float64Array {
  const { NH, HS } = heads;
  const { scale = 1 / Math.sqrt(HS), softcap = 0 } = options;
  const dqkv = new Float64Array(qkv.length);
  const add = (index: number, value: number): void => {
    dqkv[index] = (dqkv[index] ?? 0) + value;
  };
  forEachQuery(qkv, seqStart, heads, options, ({ query, head, start, at, scores, probabilities }) => {
    const o = (query * NH + head) * HS;
    const dp = probabilities.map((_, j) => dot(dout, o, qkv, at.v(start + j), HS));
    const delta = probabilities.reduce((sum, p, j) => sum + p * (dp[j] ?? 0), 0);
    probabilities.forEach((p, j) => {
      const steepness = softcap ? 1 - ((scores[j] ?? 0) / softcap) ** 2 : 1;
      const ds = p * ((dp[j] ?? 0) - delta) * steepness * scale;
      const k = at.k(start + j);
      const v = at.v(start + j);
      for (let c = 0; c < HS; c++) {
        add(at.q + c, ds * (qkv[k + c] ?? 0));
        add(k + c, ds * (qkv[at.q + c] ?? 0));
        add(v + c, p * (dout[o + c] ?? 0));
      }
    });
  });
  return dqkv;
}

interface Query {
  query: number;
  head: number;
  /** First token it sees. */
  start: number;
  /** Where its q, and the k and v of a token, begin in qkv. */
  at: { q: number; k: (token: number) => number; v: (token: number) => number };
  /** Of tokens start..query. */
  scores: number[];
  probabilities: number[];
  logSum: number;
}

function forEachQuery(
  qkv: ArrayLike<number>,
  seqStart: ArrayLike<number>,
  { NH, NKV, HS }: Heads,
  { scale = 1 / Math.sqrt(HS), window = 0, softcap = 0 }: AttentionScores,
  visit: (query: Query) => void,
): void {
  const QKV = (NH + 2 * NKV) * HS;
  for (let b = 0; b + 1 < seqStart.length; b++) {
    const first = seqStart[b] ?? 0;
    for (let query = first; query < (seqStart[b + 1] ?? 0); query++) {
      for (let head = 0; head < NH; head++) {
        const kvHead = Math.floor(head / (NH / NKV));
        const at = {
          q: query * QKV + head * HS,
          k: (token: number) => token * QKV + (NH + kvHead) * HS,
          v: (token: number) => token * QKV + (NH + NKV + kvHead) * HS,
        };
        const start = window ? Math.max(first, query + 1 - window) : first;
        const scores: number[] = [];
        for (let token = start; token <= query; token++) {
          const s = scale * dot(qkv, at.q, qkv, at.k(token), HS);
          scores.push(softcap ? softcap * Math.tanh(s / softcap) : s);
        }
        const peak = Math.max(...scores);
        const logSum = peak + Math.log(scores.reduce((sum, s) => sum + Math.exp(s - peak), 0));
        const probabilities = scores.map((s) => Math.exp(s - logSum));
        visit({ query, head, start, at, scores, probabilities, logSum });
      }
    }
  }
}

function dot(a: ArrayLike<number>, atA: number, b: ArrayLike<number>, atB: number, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += (a[atA + i] ?? 0) * (b[atB + i] ?? 0);
  return sum;
}
