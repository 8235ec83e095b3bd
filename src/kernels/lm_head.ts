import backwardWgsl from '../../shaders/logits_backward.wgsl?raw';
import statsWgsl from '../../shaders/logits_stats.wgsl?raw';
import type { Gpu } from '../gpu/device';
import { defineKernel, grid1d } from '../gpu/kernel';
import type { Launch } from '../gpu/plan';

/**
 * A chunk of R rows of logits whose first is global row row0; V words; ldv, the row stride of the logits in floats, is a
 * multiple of 4 and at least V.
 */
export interface LogitsDims {
  R: number;
  V: number;
  ldv: number;
  row0: number;
}

/** From a chunk of logits: log-prob of the target, entropy, log-sum-exp and whether the target is the argmax. */
export const logitsStats = defineKernel({
  name: 'logits_stats',
  wgsl: statsWgsl,
  buffers: {
    logits: 'read',
    targets: 'read',
    logp: 'read_write',
    entropy: 'read_write',
    lse: 'read_write',
    correct: 'read_write',
  },
  params: { R: 'u32', V: 'u32', ldv: 'u32', row0: 'u32' },
});

/** Turns a chunk of logits into the gradient of the loss with respect to them, in place. */
export const logitsBackward = defineKernel({
  name: 'logits_backward',
  wgsl: backwardWgsl,
  buffers: {
    logits: 'read_write',
    targets: 'read',
    lse: 'read',
    entropy: 'read',
    dlogp: 'read',
    dentropy: 'read',
  },
  params: { R: 'u32', V: 'u32', ldv: 'u32', row0: 'u32' },
});

const ELEMENTS_A_WORKGROUP = 64 * 4;

type LogitsLaunch = Launch<'R' | 'V' | 'ldv' | 'row0'>;

export function logitsStatsLaunch({ R, V, ldv, row0 }: LogitsDims): LogitsLaunch {
  return { params: { R, V, ldv, row0 }, grid: grid1d(R) };
}

/** Threads a row of logits_stats: few on a CPU adapter, where barriers are dear (16 times faster on SwiftShader). */
export const logitsStatsConstants = (gpu: Gpu): { LANES: number } => ({
  LANES: gpu.facts.isSoftware ? 8 : 128,
});

export function logitsBackwardLaunch({ R, V, ldv, row0 }: LogitsDims): LogitsLaunch {
  return { params: { R, V, ldv, row0 }, grid: grid1d(Math.ceil((R * ldv) / ELEMENTS_A_WORKGROUP)) };
}
