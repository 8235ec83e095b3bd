import type { View } from '../gpu/arena';
import type { Plan } from '../gpu/plan';
import { adamw, adamwLaunch } from '../kernels/adamw';
import {
  normFinish,
  normFinishLaunch,
  sumSquares,
  sumSquaresConstants,
  sumSquaresLaunch,
} from '../kernels/reduce';
import type { Parameters } from './parameters';

/** AdamW's settings, by torch.optim.AdamW's and transformers' names. */
export interface OptimizerSettings {
  learning_rate: number;
  /** On matrices only, never on norm weights and biases, as transformers does. */
  weight_decay: number;
  /** Global-norm clipping; 0 turns it off. */
  max_grad_norm: number;
}

export const ADAM = { beta1: 0.9, beta2: 0.999, eps: 1e-8 } as const;

/** One update: its settings and its number from 1, for the bias corrections. */
export interface UpdateDims extends OptimizerSettings {
  step: number;
}

/**
 * Records global norm → clip factor → AdamW over the flat arenas. The factor never leaves the GPU; gradients are zeroed
 * behind the update. `norm` (4): global norm before clipping, clip factor, 1 when this update counts, 1 when one has diverged.
 */
export function recordUpdate(
  plan: Plan<UpdateDims>,
  weights: Parameters,
  views: { grad: View; m: View; v: View; partials: View; norm: View },
): void {
  const { grad, m, v, partials, norm } = views;
  const { count, decayEnd } = weights;
  plan.add(
    sumSquares,
    { x: grad, partials },
    () => sumSquaresLaunch({ count }),
    sumSquaresConstants(plan.gpu),
  );
  plan.add(normFinish, { partials, norm }, ({ max_grad_norm }) => normFinishLaunch({ max_grad_norm }));
  plan.add(adamw, { param: weights.arena.all, grad, m, v, norm }, ({ step, learning_rate, weight_decay }) =>
    adamwLaunch({
      count,
      decay_end: decayEnd,
      learning_rate,
      weight_decay,
      ...ADAM,
      step,
    }),
  );
}
