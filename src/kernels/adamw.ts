import adamwWgsl from '../../shaders/adamw.wgsl?raw';
import { defineKernel, grid1d } from '../gpu/kernel';
import type { Launch } from '../gpu/plan';

/** One AdamW step over a flat arena; hyperparameters as in torch.optim.AdamW. */
export interface AdamwStep {
  /** Elements, a multiple of 4. */
  count: number;
  /** Elements below it get decoupled weight decay: matrices come first in the arena. */
  decay_end: number;
  /** Counts from 1. */
  step: number;
  learning_rate: number;
  beta1: number;
  beta2: number;
  eps: number;
  weight_decay: number;
}

/** Updates param, m and v from grad and the clip factor in norm, and zeroes grad (Loshchilov & Hutter 2019). */
export const adamw = defineKernel({
  name: 'adamw',
  wgsl: adamwWgsl,
  buffers: { param: 'read_write', grad: 'read_write', m: 'read_write', v: 'read_write', norm: 'read' },
  params: {
    count: 'u32',
    decay_end: 'u32',
    decay: 'f32',
    step_size: 'f32',
    root_correction: 'f32',
    one_minus_beta1: 'f32',
    beta2: 'f32',
    one_minus_beta2: 'f32',
    eps: 'f32',
  },
});

const ELEMENTS_A_WORKGROUP = 256 * 4;

/** Errors: throws when count is no multiple of 4 (flat arenas always are one) or step is below 1. */
export function adamwLaunch(options: AdamwStep): Launch<keyof (typeof adamw)['params']> {
  const { count, decay_end, step, learning_rate, beta1, beta2, eps, weight_decay } = options;
  if (count % 4) throw new Error(`adamw takes a multiple of 4 elements, not ${count}`);
  if (!(step >= 1)) throw new Error(`adamw counts its steps from 1; this is ${step}`);
  return {
    params: {
      count,
      decay_end,
      decay: 1 - learning_rate * weight_decay,
      step_size: learning_rate / (1 - beta1 ** step),
      root_correction: Math.sqrt(1 - beta2 ** step),
      one_minus_beta1: 1 - beta1,
      beta2,
      one_minus_beta2: 1 - beta2,
      eps,
    },
    grid: grid1d(Math.ceil(count / ELEMENTS_A_WORKGROUP)),
  };
}
