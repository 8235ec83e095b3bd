import type { AttentionScores } from './attention';
import { NO_SLOT } from './decode';
import type { Heads } from './rope';
import { ropeReference } from './rope.reference';

interface Rows {
  qkv: ArrayLike<number>;
  slots: ArrayLike<number>;
  positions: ArrayLike<number>;
}

interface Caches {
  k_cache: Float64Array;
  v_cache: Float64Array;
}

/**
 * `rope_append` in f64: qkv (N,QKV) with its queries and keys rotated by `table`, and copies of both caches (S,Tmax,NKV*HS)
 * with the rows' keys and values in their places. Rows without a slot, or past the cache, are left alone.
 */
export function ropeAppendReference(
  { qkv, slots, positions }: Rows,
  table: ArrayLike<number>,
  kCache: ArrayLike<number>,
  vCache: ArrayLike<number>,
  { NH, NKV, HS }: Heads,
  Tmax: number,
  R = HS,
): Caches & { qkv: Float64Array } {
  const [out, k_cache, v_cache] = [
    Float64Array.from(qkv),
    Float64Array.from(kCache),
    Float64Array.from(vCache),
  ];
  const QKV = (NH + 2 * NKV) * HS;
  const width = NKV * HS;
  for (let n = 0; n < slots.length; n++) {
    const slot = slots[n] ?? NO_SLOT;
    const position = positions[n] ?? 0;
    if (slot === NO_SLOT || position >= Tmax) continue;
    const row = out.subarray(n * QKV, (n + 1) * QKV);
    row.set(ropeReference(row, [position], table, { N: 1, QKV, heads: NH + NKV, HS, R }, 1));
    k_cache.set(row.subarray(NH * HS, NH * HS + width), (slot * Tmax + position) * width);
    v_cache.set(row.subarray(NH * HS + width), (slot * Tmax + position) * width);
  }
  return { qkv: out, k_cache, v_cache };
}

/** `kv_copy`: copies of both caches (S,Tmax,width) in which slot `to` begins with `length` tokens of slot `from`. */
export function kvCopyReference(
  copies: readonly (readonly [from: number, to: number, length: number])[],
  kCache: ArrayLike<number>,
  vCache: ArrayLike<number>,
  { NKV, HS }: Heads,
  Tmax: number,
): Caches {
  const [k_cache, v_cache] = [Float64Array.from(kCache), Float64Array.from(vCache)];
  const slot = Tmax * NKV * HS;
  for (const [from, to, length] of copies) {
    const end = from * slot + length * NKV * HS;
    for (const cache of [k_cache, v_cache]) cache.set(cache.slice(from * slot, end), to * slot);
  }
  return { k_cache, v_cache };
}

/** `decode_attention` in f64: out (B,NH*HS); row b attends its window of cache[slot, 0..position], and is 0 without a slot. */
export function decodeAttentionReference(
  { qkv, slots, positions }: Rows,
  kCache: ArrayLike<number>,
  vCache: ArrayLike<number>,
  { NH, NKV, HS }: Heads,
  Tmax: number,
  { scale = 1 / Math.sqrt(HS), window = 0, softcap = 0 }: AttentionScores = {},
): Float64Array {
  const out = new Float64Array(slots.length * NH * HS);
  for (let b = 0; b < slots.length; b++) {
    const slot = slots[b] ?? NO_SLOT;
    if (slot === NO_SLOT) continue;
    const length = (positions[b] ?? 0) + 1;
    const first = window ? Math.max(0, length - window) : 0;
    for (let head = 0; head < NH; head++) {
      const q = b * (NH + 2 * NKV) * HS + head * HS;
      const kvHead = Math.floor(head / (NH / NKV));
      const row = (t: number) => (slot * Tmax + first + t) * NKV * HS + kvHead * HS;
      const scores = Array.from({ length: length - first }, (_, t) => {
        let sum = 0;
        for (let c = 0; c < HS; c++) sum += (qkv[q + c] ?? 0) * (kCache[row(t) + c] ?? 0);
        const score = scale * sum;
        return softcap ? softcap * Math.tanh(score / softcap) : score;
      });
      const peak = Math.max(...scores);
      const weights = scores.map((s) => Math.exp(s - peak));
      const total = weights.reduce((sum, w) => sum + w, 0);
      for (let c = 0; c < HS; c++) {
        const value = weights.reduce((sum, w, t) => sum + w * (vCache[row(t) + c] ?? 0), 0);
        out[(b * NH + head) * HS + c] = value / total;
      }
    }
  }
  return out;
}
