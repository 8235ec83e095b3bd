import backwardWgsl from '../../shaders/logits_backward.wgsl?raw';
import statsWgsl from '../../shaders/logits_stats.wgsl?raw';
import type { View } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { defineKernel, grid1d } from '../gpu/kernel';
import type { Launch, Plan } from '../gpu/plan';

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

const COLUMNS_A_WORKGROUP = 1024;

type LogitsLaunch = Launch<'R' | 'V' | 'ldv' | 'row0'>;

/** Threads a row and rows a workgroup of logits_stats, by adapter: on a CPU few, where barriers are dear. */
export const logitsStatsDesigns = {
  hardware: { LANES: 128, ROWS: 1 },
  software: { LANES: 2, ROWS: 4 },
} as const;

const designOf = (gpu: Gpu): keyof typeof logitsStatsDesigns =>
  gpu.facts.isSoftware ? 'software' : 'hardware';

export function logitsStatsLaunch({ R, V, ldv, row0 }: LogitsDims, ROWS: number): LogitsLaunch {
  return { params: { R, V, ldv, row0 }, grid: grid1d(Math.ceil(R / ROWS)) };
}

/** Threads a workgroup of logits_backward, and where the model caps its logits (see `addLogitsStats`). */
export const logitsBackwardConstants = (gpu: Gpu, softcap = 0): { LANES: number; CAP: number } => ({
  CAP: softcap,
  LANES: gpu.facts.isSoftware ? 8 : 64,
});

export function logitsBackwardLaunch({ R, V, ldv, row0 }: LogitsDims): LogitsLaunch {
  const [down, deep] = grid1d(R);
  return { params: { R, V, ldv, row0 }, grid: [Math.ceil(ldv / COLUMNS_A_WORKGROUP), down, deep] };
}

/**
 * Records logits_stats of a chunk in the way that suits the adapter; R = 0 dispatches nothing. With `softcap` the model's
 * logits are softcap · tanh(logits / softcap) (arXiv:2408.00118, section 2), here as in the heads that store none.
 */
export function addLogitsStats<D>(
  plan: Plan<D>,
  gpu: Gpu,
  buffers: Readonly<Record<keyof typeof logitsStats.buffers, View>>,
  dims: (step: D) => LogitsDims,
  softcap = 0,
): void {
  const constants = { ...logitsStatsDesigns[designOf(gpu)], CAP: softcap };
  plan.add(logitsStats, buffers, (step) => logitsStatsLaunch(dims(step), constants.ROWS), constants);
}
