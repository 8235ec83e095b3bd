import wgsl from '../../shaders/sample.wgsl?raw';
import type { View } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { defineKernel, grid1d } from '../gpu/kernel';
import type { Launch, Plan } from '../gpu/plan';

export const sample = defineKernel({
  name: 'sample',
  wgsl,
  buffers: {
    logits: 'read',
    tokens: 'read_write',
    positions: 'read_write',
    slots: 'read_write',
    state: 'read_write',
    history: 'read_write',
  },
  params: {
    B: 'u32',
    V: 'u32',
    ldv: 'u32',
    Hmax: 'u32',
    eos_count: 'u32',
    eos0: 'u32',
    eos1: 'u32',
    seed_lo: 'u32',
    seed_hi: 'u32',
    temperature: 'f32',
    top_k: 'u32',
    top_p: 'f32',
  },
});

/** Where a row of `state` says how it ended. */
export const FINISH = { running: 0, eos: 1, length: 2 } as const;

/** What a sampling step needs to know; names as in transformers' GenerationConfig. */
export interface SampleDims {
  /** Rows. */
  B: number;
  /** Vocabulary, and the row stride of the logits: V rounded up to a multiple of 4. */
  V: number;
  ldv: number;
  /** Tokens a row of `history` holds; a row that has generated as many is finished (`length`). */
  Hmax: number;
  /** Ids that end a completion; at most two. */
  eos: readonly number[];
  /** An integer; its low and high 32 bits key the generator. */
  seed: number;
  /** 0: greedy. */
  temperature: number;
  /** 0: off. */
  top_k: number;
  /** 1: off. */
  top_p: number;
}

/** An integer's low and high 32 bits, as the kernels take a seed. */
export const seedOf = (seed: number): Record<'seed_lo' | 'seed_hi', number> => ({
  seed_lo: seed >>> 0,
  seed_hi: Math.floor(seed / 2 ** 32) >>> 0,
});

/** The ids that end a row, as the kernels take them. Errors: more than two is a bug and throws. */
export function endsOf(eos: readonly number[]): Record<'eos_count' | 'eos0' | 'eos1', number> {
  if (eos.length > 2) throw new Error(`a row ends on at most two tokens, not ${eos.length}`);
  return { eos_count: eos.length, eos0: eos[0] ?? 0, eos1: eos[1] ?? 0 };
}

/** Params and grid of `sample`. Errors: more than two EOS ids is a bug and throws. */
export function sampleLaunch(dims: SampleDims): Launch<keyof typeof sample.params> {
  const { B, V, ldv, Hmax, eos, seed, temperature, top_k, top_p } = dims;
  return {
    params: {
      B,
      V,
      ldv,
      Hmax,
      ...endsOf(eos),
      ...seedOf(seed),
      temperature,
      top_k,
      top_p,
    },
    grid: grid1d(B),
  };
}

/**
 * Threads a row: few on a CPU adapter, where barriers are dear, many for a large vocabulary. It decides the order of sums,
 * so it must not change within a run.
 */
export function sampleConstants(gpu: Gpu, V: number): { WG: number } {
  if (gpu.facts.isSoftware) return { WG: 8 };
  return { WG: V > 2048 ? 256 : 64 };
}

/**
 * Records `sample`: every running row (slot not 0xffffffff) draws its next token from its logits, records it with its
 * log-probability, and ends on EOS or at its limit; `softcap` as in `addLogitsStats`. All state stays on the GPU, so many steps go in one submit.
 */
export function addSample<D>(
  plan: Plan<D>,
  buffers: Record<'logits' | 'tokens' | 'positions' | 'slots' | 'state' | 'history', View>,
  V: number,
  dims: (dims: D) => SampleDims,
  softcap = 0,
): void {
  const constants = { ...sampleConstants(plan.gpu, V), CAP: softcap };
  plan.add(sample, buffers, (d) => sampleLaunch(dims(d)), constants);
}
