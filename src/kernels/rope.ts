import wgsl from '../../shaders/rope.wgsl?raw';
import type { View } from '../gpu/arena';
import { defineKernel, grid1d } from '../gpu/kernel';
import type { Launch, Plan } from '../gpu/plan';

/** Head counts of a model: query heads, key/value heads, and the size of each (a multiple of 4, at most 128). */
export interface Heads {
  NH: number;
  NKV: number;
  HS: number;
}

/** Floats of a token's row of `qkv`: [NH query heads | NKV key heads | NKV value heads]. */
export const qkvWidth = ({ NH, NKV, HS }: Heads): number => (NH + 2 * NKV) * HS;

export const rope = defineKernel({
  name: 'rope',
  wgsl,
  buffers: { qkv: 'read_write', positions: 'read', table: 'read' },
  params: { N: 'u32', QKV: 'u32', heads: 'u32', HS: 'u32', R: 'u32', direction: 'f32' },
});

/** How many floats of a head turn, the first ones: all, or fewer. Errors: no multiple of 4 up to HS is a bug and throws. */
export function rotaryOf({ HS }: Heads, rotary = HS): number {
  if (rotary % 4 !== 0 || rotary < 0 || rotary > HS) {
    throw new Error(`rotary positions turn a multiple of 4 floats of a head of ${HS}, not ${rotary}`);
  }
  return rotary;
}

/**
 * Params and grid of `rope` on N tokens; direction 1 rotates (forward), -1 rotates back (backward) the first `rotary` floats
 * of every query and key head.
 */
export function ropeLaunch(
  N: number,
  heads: Heads,
  direction: 1 | -1,
  rotary?: number,
): Launch<keyof typeof rope.params> {
  const rotated = heads.NH + heads.NKV;
  const R = rotaryOf(heads, rotary);
  return {
    params: { N, QKV: qkvWidth(heads), heads: rotated, HS: heads.HS, R, direction },
    grid: grid1d(Math.ceil((N * rotated * R) / 4 / 64)),
  };
}

/**
 * Records `rope` on the query and key heads of `qkv` (forward), or of `dqkv` (backward, direction -1), in place. The table
 * is `ropeTable`'s of the same `rotary`; left out, whole heads turn.
 */
export function addRope<D>(
  plan: Plan<D>,
  buffers: Record<'qkv' | 'positions' | 'table', View>,
  heads: Heads,
  tokens: (dims: D) => number,
  direction: 1 | -1,
  rotary?: number,
): void {
  plan.add(rope, buffers, (dims) => ropeLaunch(tokens(dims), heads, direction, rotary));
}

/** How a model's angles were stretched for longer texts: `rope_scaling` of Hugging Face configs. */
export type RopeScaling =
  | { rope_type: 'linear'; factor: number }
  | {
      rope_type: 'llama3';
      factor: number;
      low_freq_factor: number;
      high_freq_factor: number;
      original_max_position_embeddings: number;
    }
  | {
      rope_type: 'yarn';
      factor: number;
      original_max_position_embeddings: number;
      /** 32 and 1 when left out. */
      beta_fast?: number;
      beta_slow?: number;
      /** What cosines and sines are multiplied by; 1 + ln(factor)/10 when left out. */
      attention_factor?: number;
    };

/**
 * Angles of pair i per position, w_i = theta^(-2i/R) for i < R/2, stretched as `scaling` says. llama3: waves longer than
 * the old context's low-frequency bound turn `factor` times slower, those shorter than its high-frequency bound as before,
 * those between by a mixture (Llama 3.1, transformers' modeling_rope_utils). yarn: by where a wave lies between `beta_slow`
 * and `beta_fast` turns in the old context (arXiv:2309.00071, section 3.2).
 */
export function ropeFrequencies(R: number, theta: number, scaling?: RopeScaling): number[] {
  const plain = Array.from({ length: R / 2 }, (_, i) => theta ** ((-2 * i) / R));
  if (!scaling) return plain;
  const { factor } = scaling;
  // What part of a pair keeps its frequency; the rest turns `factor` times slower.
  const kept = (w: number, i: number): number => {
    if (scaling.rope_type === 'linear') return 0;
    const waves = (scaling.original_max_position_embeddings * w) / (2 * Math.PI);
    if (scaling.rope_type === 'llama3') {
      const { low_freq_factor: low, high_freq_factor: high } = scaling;
      return clamp01((waves - low) / (high - low));
    }
    const { original_max_position_embeddings: T, beta_fast = 32, beta_slow = 1 } = scaling;
    const pairOf = (turns: number) => (R * Math.log(T / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
    const first = Math.max(Math.floor(pairOf(beta_fast)), 0);
    const last = Math.min(Math.ceil(pairOf(beta_slow)), R - 1);
    return 1 - clamp01((i - first) / Math.max(last - first, 0.001));
  };
  return plain.map((w, i) => w * (kept(w, i) + (1 - kept(w, i)) / factor));
}

const clamp01 = (x: number): number => Math.min(Math.max(x, 0), 1);

/**
 * The rope table (T,R): row t holds cos(t·w_i), then sin(t·w_i), i < R/2, w_i of `ropeFrequencies` (arXiv:2104.09864,
 * section 3.2.2; `rope_theta` of Hugging Face configs). Angles are taken in f64, so long positions stay exact.
 */
export function ropeTable(T: number, R: number, theta: number, scaling?: RopeScaling): Float32Array {
  const half = R / 2;
  const table = new Float32Array(T * R);
  const frequencies = ropeFrequencies(R, theta, scaling);
  const size =
    scaling?.rope_type === 'yarn' ? (scaling.attention_factor ?? 1 + 0.1 * Math.log(scaling.factor)) : 1;
  for (let t = 0; t < T; t++) {
    frequencies.forEach((w, i) => {
      table[t * R + i] = size * Math.cos(t * w);
      table[t * R + half + i] = size * Math.sin(t * w);
    });
  }
  return table;
}
