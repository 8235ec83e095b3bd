/** KL to the reference policy: its estimators per token, the rewards it enters, and the adaptive controller. */
import type { Tokens } from './gae';

/**
 * Estimators of KL(π_old ‖ π_ref) from one sample a token (Schulman, "Approximating KL divergence", 2020), with
 * log-ratio d = logp − logp_ref:  k1 = d,  k2 = d²/2,  k3 = exp(−d) − 1 + d.
 */
export type KlKind = 'k1' | 'k2' | 'k3';

export function klEstimate(kind: KlKind, logp: number, logpRef: number): number {
  const d = logp - logpRef;
  switch (kind) {
    case 'k1':
      return d;
    case 'k2':
      return (d * d) / 2;
    case 'k3':
      return Math.expm1(-d) + d;
  }
}

/**
 * Rewards per completion token (T): −kl_coef · KL of each, and the score on the last one (its EOS, or where it was
 * cut). `kl` are the estimates themselves.
 */
export function tokenRewards(input: {
  kind: KlKind;
  kl_coef: number;
  logp: Tokens;
  logpRef: Tokens;
  score: number;
}): { rewards: Float64Array; kl: Float64Array } {
  const { kind, kl_coef, logp, logpRef, score } = input;
  const kl = Float64Array.from(logp, (value, t) => klEstimate(kind, value, logpRef[t] ?? value));
  const rewards = kl.map((value) => (kl_coef === 0 ? 0 : -kl_coef * value));
  const last = rewards.length - 1;
  if (last >= 0) rewards[last] = (rewards[last] ?? 0) + score;
  return { rewards, kl };
}

/**
 * kl_coef that follows a target KL (Ziegler et al. 2019, arXiv:1909.08593, section 2.2):
 * coef *= 1 + clip(kl / target − 1, −0.2, 0.2) · n / horizon.
 */
export class AdaptiveKl {
  coef: number;
  private readonly target: number;
  private readonly horizon: number;

  constructor(settings: { init?: number; target?: number; horizon?: number } = {}) {
    this.coef = settings.init ?? 0.2;
    this.target = settings.target ?? 6;
    this.horizon = settings.horizon ?? 10_000;
  }

  /**
   * @param kl mean over sequences of the summed KL of this rollout
   * @param n sequences in it
   * @returns the coefficient from now on
   */
  update(kl: number, n: number): number {
    const error = Math.min(0.2, Math.max(-0.2, kl / this.target - 1));
    this.coef *= 1 + (error * n) / this.horizon;
    return this.coef;
  }
}
