import type { TrainResult } from '../model/policy';
import { explainedVariance } from '../rl/statistics';
import { tokenWeights, type Aggregation } from '../rl/weights';
import type { Rollout } from './rollout';

/**
 * Constants of the ppo_clip objective for one minibatch, (M_b, 8) a sequence: logp_old, advantage, return, value_old,
 * policy weight, value weight, logp_ref. The weights make the objective's sum over tokens the average asked for:
 */
export function ppoConstants(minibatch: readonly Rollout[], aggregation: Aggregation): Float32Array[] {
  const weights = tokenWeights(
    aggregation,
    minibatch.map(({ logpOld }) => logpOld.length),
  );
  return minibatch.map((rollout, b) => {
    const M = rollout.logpOld.length;
    const weight = weights[b] ?? 0;
    const constants = new Float32Array(M * 8);
    for (let t = 0; t < M; t++) {
      constants.set(
        [
          rollout.logpOld[t] ?? 0,
          rollout.advantages[t] ?? 0,
          rollout.returns[t] ?? 0,
          rollout.valueOld[t] ?? 0,
          weight,
          weight,
          rollout.logpRef[t] ?? 0,
        ],
        t * 8,
      );
    }
    return constants;
  });
}

/** Metrics of a rollout, before any update. Formulas: docs/recipes/reft.md. */
export function rolloutMetrics(rollouts: readonly Rollout[]): Record<string, number> {
  const mean = (f: (rollout: Rollout) => number): number => average(rollouts.map(f));
  const kl = mean(({ logpOld, logpRef }) => sum(logpOld) - sum(logpRef));
  const scores = mean(({ score }) => score);
  const rewards = mean((rollout) => sum(rollout.rewards));
  const gaps = rollouts.flatMap(({ logpOld, completion }) =>
    completion.logprobs.map((logp, t) => Math.abs(logp - (logpOld[t] ?? 0))),
  );
  return {
    'objective/kl': kl,
    'objective/scores': scores,
    'objective/rlhf_reward': rewards,
    'objective/non_score_reward': rewards - scores,
    'objective/entropy': average(rollouts.flatMap(({ entropy }) => [...entropy])),
    'reward/correct': mean(({ grade }) => (grade.correct ? 1 : 0)),
    'reward/partial': mean(({ grade }) => (!grade.correct && grade.extracted !== null ? 1 : 0)),
    'reward/none': mean(({ grade }) => (grade.extracted === null ? 1 : 0)),
    'value/explained_variance': explainedVariance(
      rollouts.map(({ returns }) => returns),
      rollouts.map(({ valueOld }) => valueOld),
    ),
    'rollout/length': mean(({ logpOld }) => logpOld.length),
    'rollout/truncated': mean(({ completion }) => (completion.finish === 'length' ? 1 : 0)),
    'rollout/logp_gap': gaps.reduce((a, b) => Math.max(a, b), 0),
  };
}

/** Columns of the ppo_clip objective's sums: shaders/ppo_clip.wgsl. */
const [POLICY, VALUE, APPROX_KL, CLIPPED, VALUE_CLIPPED, RATIO, RATIO_SQUARED] = [0, 1, 2, 3, 4, 5, 6];
const COUNT = 12;

/** Means over an iteration's updates. */
export function updateMetrics(results: readonly TrainResult[]): Record<string, number> {
  const column = (index: number): number => sum(results.map(({ sums }) => sums[index] ?? Number.NaN));
  const tokens = column(COUNT);
  const ratio = column(RATIO) / tokens;
  return {
    'loss/policy_avg': column(POLICY) / results.length,
    'loss/value_avg': column(VALUE) / results.length,
    'policy/approxkl_avg': column(APPROX_KL) / tokens,
    'policy/clipfrac_avg': column(CLIPPED) / tokens,
    'val/clipfrac_avg': column(VALUE_CLIPPED) / tokens,
    'val/ratio': ratio,
    'val/ratio_var': Math.max(0, column(RATIO_SQUARED) / tokens - ratio ** 2),
    grad_norm: average(results.map(({ grad_norm }) => grad_norm)),
  };
}

/** policy_loss and value_loss of an update, as the audit records them. */
export function losses({ sums }: TrainResult): { policy: number; value: number } {
  return { policy: sums[POLICY] ?? Number.NaN, value: sums[VALUE] ?? Number.NaN };
}

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] ?? 0;
  return total;
}

const average = (values: readonly number[]): number =>
  values.length ? sum(values) / values.length : Number.NaN;
