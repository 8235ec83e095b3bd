import { NO_SLOT } from './decode';
import type { Heads } from './rope';

interface Rows {
  qkv: ArrayLike<number>;
  slots: ArrayLike<number>;
  positions: ArrayLike<number>;
}

/** `kv_append` in f64: copies of both caches (S,Tmax,NKV*HS) with the rows' keys and values in their places. */
export function kvAppendReference(
  { qkv, slots, positions }: Rows,
  kCache: ArrayLike<number>,
  vCache: ArrayLike<number>,
  { NH, NKV, HS }: Heads,
  Tmax: number,
): { k_cache: Float64Array; v_cache: Float64Array } {
  const k_cache = Float64Array.from(kCache);
  const v_cache = Float64Array.from(vCache);
  const width = NKV * HS;
  for (let n = 0; n < slots.length; n++) {
    const slot = slots[n] ?? NO_SLOT;
    const position = positions[n] ?? 0;
    if (slot === NO_SLOT || position >= Tmax) continue;
    const k = n * (NH + 2 * NKV) * HS + NH * HS;
    for (let c = 0; c < width; c++) {
      const to = (slot * Tmax + position) * width + c;
      k_cache[to] = qkv[k + c] ?? 0;
      v_cache[to] = qkv[k + width + c] ?? 0;
    }
  }
  return { k_cache, v_cache };
}

/** `decode_attention` in f64: out (B,NH*HS); row b attends cache[slot, 0..position], and is 0 without a slot. */
export function decodeAttentionReference(
  { qkv, slots, positions }: Rows,
  kCache: ArrayLike<number>,
  vCache: ArrayLike<number>,
  { NH, NKV, HS }: Heads,
  Tmax: number,
): Float64Array {
  const out = new Float64Array(slots.length * NH * HS);
  for (let b = 0; b < slots.length; b++) {
    const slot = slots[b] ?? NO_SLOT;
    if (slot === NO_SLOT) continue;
    for (let head = 0; head < NH; head++) {
      const q = b * (NH + 2 * NKV) * HS + head * HS;
      const kvHead = Math.floor(head / (NH / NKV));
      const row = (t: number) => (slot * Tmax + t) * NKV * HS + kvHead * HS;
      const scores = Array.from({ length: (positions[b] ?? 0) + 1 }, (_, t) => {
        let sum = 0;
        for (let c = 0; c < HS; c++) sum += (qkv[q + c] ?? 0) * (kCache[row(t) + c] ?? 0);
        return sum / Math.sqrt(HS);
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
