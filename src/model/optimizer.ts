import { part } from '../gpu/arena';
import type { Plan } from '../gpu/plan';
import { adamw, adamwLaunch } from '../kernels/adamw';
import {
  normFinish,
  normFinishLaunch,
  SUM_SQUARES_PARTIALS,
  sumSquares,
  sumSquaresConstants,
  sumSquaresLaunch,
} from '../kernels/reduce';
import type { Trained, TrainingBuffers } from './buffers';

/** AdamW's settings, by torch.optim.AdamW's and transformers' names. */
export interface OptimizerSettings {
  learning_rate: number;
  /** On matrices only, never on norm weights and biases, as transformers does. */
  weight_decay: number;
  /** Global-norm clipping; 0 turns it off. */
  max_grad_norm: number;
}

const PARTIALS_BYTES = 4 * SUM_SQUARES_PARTIALS;

export const ADAM = { beta1: 0.9, beta2: 0.999, eps: 1e-8 } as const;

/** One update: its settings and its number from 1, for the bias corrections. */
export interface UpdateDims extends OptimizerSettings {
  step: number;
}

/**
 * Records global norm → clip factor → AdamW over the flat arenas, one dispatch a piece. The factor never leaves the GPU;
 * gradients are zeroed behind the update. `partials` (256 a piece); `norm` (4): global norm before clipping, clip factor, 1
 * when this update counts, 1 when one has diverged.
 */
export function recordUpdate(
  plan: Plan<UpdateDims>,
  trained: Trained,
  { gradients, m, v, partials, norm }: TrainingBuffers,
): void {
  const { pieces } = trained.arena;
  gradients.arena.pieces.forEach((grad, i) => {
    const own = part(partials, i * PARTIALS_BYTES, PARTIALS_BYTES);
    const launch = sumSquaresLaunch({ count: grad.bytes / 4 });
    plan.add(sumSquares, { x: grad, partials: own }, () => launch, sumSquaresConstants(plan.gpu));
  });
  plan.add(normFinish, { partials, norm }, ({ max_grad_norm }) =>
    normFinishLaunch({ max_grad_norm, arenas: pieces.length }),
  );
  let before = 0;
  pieces.forEach((param, i) => {
    const [grad, first, second] = [gradients, m, v].map(({ arena }) => arena.pieces[i]);
    if (!grad || !first || !second) return;
    const count = param.bytes / 4;
    const decay_end = Math.min(count, Math.max(0, trained.decayEnd - before));
    before += count;
    plan.add(adamw, { param, grad, m: first, v: second, norm }, ({ step, learning_rate, weight_decay }) =>
      adamwLaunch({ count, decay_end, learning_rate, weight_decay, ...ADAM, step }),
    );
  });
}
