import type { AdamwStep } from './adamw';

type Numbers = ArrayLike<number>;

export interface AdamwState {
  param: Float64Array;
  m: Float64Array;
  v: Float64Array;
}

/** One step of torch.optim.AdamW in f64, on the gradient times `clip`. All of length count. */
export function adamwReference(
  state: { param: Numbers; m: Numbers; v: Numbers },
  grad: Numbers,
  clip: number,
  options: AdamwStep,
): AdamwState {
  const { count, decay_end, step, learning_rate, beta1, beta2, eps, weight_decay } = options;
  const next = {
    param: Float64Array.from(state.param),
    m: Float64Array.from(state.m),
    v: Float64Array.from(state.v),
  };
  for (let i = 0; i < count; i++) {
    const g = grad[i]! * clip;
    if (i < decay_end) next.param[i]! *= 1 - learning_rate * weight_decay;
    next.m[i] = beta1 * next.m[i]! + (1 - beta1) * g;
    next.v[i] = beta2 * next.v[i]! + (1 - beta2) * g * g;
    const mHat = next.m[i]! / (1 - beta1 ** step);
    const vHat = next.v[i]! / (1 - beta2 ** step);
    next.param[i]! -= (learning_rate * mHat) / (Math.sqrt(vHat) + eps);
  }
  return next;
}
