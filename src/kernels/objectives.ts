import ppoClipWgsl from '../../shaders/ppo_clip.wgsl?raw';
import sftWgsl from '../../shaders/sft.wgsl?raw';
import { defineKernel, grid1d, type Access, type Grid, type Kernel } from '../gpu/kernel';

/** Columns of `constants`: what an objective is told of a token. */
export const OBJECTIVE_CONSTANTS = 8;
/** Columns of `stats`: what it says of a token. */
export const OBJECTIVE_STATS = 16;

/** What every objective binds: (M) but for constants (M,8) and stats (M,16). */
export type ObjectiveBuffer =
  'logp' | 'entropy' | 'value' | 'constants' | 'dlogp' | 'dentropy' | 'dvalue' | 'stats';

const OBJECTIVE_BUFFERS: Readonly<Record<ObjectiveBuffer, Access>> = {
  logp: 'read',
  entropy: 'read',
  value: 'read',
  constants: 'read',
  dlogp: 'read_write',
  dentropy: 'read_write',
  dvalue: 'read_write',
  stats: 'read_write',
};

/**
 * A training method's loss: a sum over tokens of a function of log-prob, entropy and value, with its gradient. How
 * tokens and sequences are averaged is in the weights of `constants`. The kernel's params are row0, rows and the
 * objective's coefficients by name; it touches only rows row0 … row0 + rows − 1.
 */
export interface Objective {
  readonly kernel: Kernel<ObjectiveBuffer, string>;
  /** Whether there is a value head to compute and to train. */
  readonly usesValue: boolean;
  grid(rows: number): Grid;
}

export const sftKernel = defineKernel({
  name: 'sft',
  wgsl: sftWgsl,
  buffers: OBJECTIVE_BUFFERS,
  params: { row0: 'u32', rows: 'u32' },
});

export const ppoClipKernel = defineKernel({
  name: 'ppo_clip',
  wgsl: ppoClipWgsl,
  buffers: OBJECTIVE_BUFFERS,
  params: {
    row0: 'u32',
    rows: 'u32',
    cliprange: 'f32',
    cliprange_value: 'f32',
    vf_coef: 'f32',
    entropy_coef: 'f32',
    kl_loss_coef: 'f32',
  },
});

const ROWS_A_WORKGROUP = 64;
const grid = (rows: number): Grid => grid1d(Math.ceil(rows / ROWS_A_WORKGROUP));

/** Negative log-likelihood: constants are [weight]. */
export const sftObjective: Objective = { kernel: sftKernel, usesValue: false, grid };

/**
 * PPO with clipped policy and value (Schulman et al. 2017): constants are [logp_old, advantage, return, value_old,
 * weight_policy, weight_value, logp_ref].
 */
export const ppoClipObjective: Objective = { kernel: ppoClipKernel, usesValue: true, grid };

/** Every objective there is: a policy that trains records a plan for each. */
export const objectives: readonly Objective[] = [sftObjective, ppoClipObjective];
