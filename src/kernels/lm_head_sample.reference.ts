import { NO_SLOT } from './decode';
import { softcapped } from './lm_head.reference';
import type { HeadSampleDims } from './lm_head_sample';
import { gumbel, philox, sampleReference, type SampleBuffers } from './sampler.reference';

type Numbers = ArrayLike<number>;

/** What the head reads, beside what `sample` reads: hidden (B,C), weight (V,C). */
export type HeadSampleInputs = Omit<SampleBuffers, 'logits'> & { hidden: Numbers; weight: Numbers };

/** hidden (B,C) and weight (V,C) to logits (B,V), in f64. */
export function headLogits(hidden: Numbers, weight: Numbers, B: number, V: number, C: number): Float64Array {
  const logits = new Float64Array(B * V);
  for (let b = 0; b < B; b++) {
    for (let v = 0; v < V; v++) {
      let sum = 0;
      for (let c = 0; c < C; c++) sum += hidden[b * C + c]! * weight[v * C + c]!;
      logits[b * V + v] = sum;
    }
  }
  return logits;
}

/** What is kept of a row's part: max z, Σ exp(z − m), and the best draw's score, logit and token. */
export interface DrawnPart {
  m: number;
  s: number;
  score: number;
  z: number;
  token: number;
}

/**
 * `head_sample` in f64, of logits with a soft cap: of every running row its parts, which hold these tokens; undefined for the others. And the nearest
 * tie of a part.
 */
export function headSampleReference(
  inputs: HeadSampleInputs,
  dims: HeadSampleDims,
  parts: readonly (readonly number[])[],
  cap = 0,
) {
  const { B, V, C, seed, temperature } = dims;
  const logits = headLogits(inputs.hidden, inputs.weight, B, V, C).map((z) => softcapped(z, cap));
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
  let margin = Infinity;
  const rows = Array.from({ length: B }, (_, b) => {
    if (inputs.slots[b] === NO_SLOT) return undefined;
    const z = logits.subarray(b * V, (b + 1) * V);
    const scores = z.map((x, i) => {
      if (temperature === 0) return x;
      const bits = philox([inputs.state[4 * b]!, inputs.positions[b]!, Math.floor(i / 4), 0], key);
      return x / temperature + gumbel(bits[i % 4]!);
    });
    return parts.map((tokens): DrawnPart => {
      const m = Math.max(...tokens.map((i) => z[i]!));
      const score = Math.max(...tokens.map((i) => scores[i]!));
      const token = tokens.find((i) => scores[i] === score)!;
      margin = Math.min(
        margin,
        score - Math.max(...tokens.map((i) => (i === token ? -Infinity : scores[i]!))),
      );
      const s = tokens.reduce((sum, i) => sum + Math.exp(z[i]! - m), 0);
      return { m, s, score, z: z[token]!, token };
    });
  });
  return { rows, margin };
}

/** Head and sampling step in f64: `sampleReference` on the logits that the kernels never store. */
export function headStepReference(inputs: HeadSampleInputs, dims: HeadSampleDims, cap = 0) {
  const { B, V, C } = dims;
  const logits = headLogits(inputs.hidden, inputs.weight, B, V, C).map((z) => softcapped(z, cap));
  return sampleReference({ ...inputs, logits }, { ...dims, ldv: V, top_k: 0, top_p: 1 });
}
