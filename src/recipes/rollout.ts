import type { ReferencePolicy } from '../model/reference';
import type { Completion } from '../model/generate';
import type { Sequence } from '../model/batch';
import { gae } from '../rl/gae';
import { tokenRewards, type KlKind } from '../rl/kl';
import { whiten } from '../rl/statistics';
import type { Grade, GradeOptions, Problem } from '../tasks/task';
import { answerAll } from './answer';
import type { RunContext } from './recipe';

/** One problem's sampled completion with all that PPO needs of it; arrays have one entry a completion token. */
export interface Rollout extends Sequence {
  tokens: number[];
  problem: Problem;
  completion: Completion;
  text: string;
  grade: Grade;
  /** The grade's reward less penalties. */
  score: number;
  logpOld: Float32Array;
  logpRef: Float32Array;
  entropy: Float32Array;
  valueOld: Float32Array;
  /** KL penalty, and on the last token the score. */
  rewards: Float64Array;
  /** Whitened when asked for. */
  advantages: Float64Array;
  returns: Float64Array;
}

export interface RolloutSettings {
  sampling: { temperature: number; top_k: number; top_p: number; max_new_tokens: number; seed: number };
  grading: GradeOptions;
  missing_eos_penalty: number;
  kl_estimator: KlKind;
  /** 0 when the KL is in the loss. */
  kl_coef: number;
  gamma: number;
  lam: number;
  adv_whitening: boolean;
  mask_truncated_completions: boolean;
}

/**
 * Samples one completion a problem, grades each from the moment it is there while the GPU goes on sampling and then scores
 * all under π_old and π_ref with the training forward, and turns scores and KL into advantages and returns. `firstId`
 * makes every draw of a run its own.
 */
export async function rollOut(
  context: Pick<RunContext, 'policy' | 'tokenizer' | 'grade'>,
  reference: ReferencePolicy,
  problems: readonly Problem[],
  firstId: number,
  settings: RolloutSettings,
  onPhase: (phase: string) => void,
): Promise<Rollout[]> {
  onPhase('generate');
  const answers = await answerAll(context, problems, firstId, settings.sampling, settings.grading);
  onPhase('score');
  const [old, logpRef, grades] = await Promise.all([
    context.policy.score(answers),
    reference.logprobs(answers),
    Promise.all(answers.map(({ grade }) => grade)),
  ]);
  const rollouts = answers.map((sample, i): Rollout => {
    const grade = grades[i] ?? { extracted: null, correct: false, reward: 0 };
    const penalty = sample.completion.finish === 'length' ? settings.missing_eos_penalty : 0;
    const score = grade.reward - penalty;
    const logpOld = old.logp[i] ?? new Float32Array();
    const ref = logpRef[i] ?? new Float32Array();
    const valueOld = old.value[i] ?? new Float32Array();
    const { rewards } = tokenRewards({
      kind: settings.kl_estimator,
      kl_coef: settings.kl_coef,
      logp: logpOld,
      logpRef: ref,
      score,
    });
    const { gamma, lam } = settings;
    const { advantages, returns } = gae({ rewards, values: valueOld, gamma, lam });
    const entropy = old.entropy[i] ?? new Float32Array();
    return {
      ...sample,
      grade,
      score,
      logpOld,
      logpRef: ref,
      entropy,
      valueOld,
      rewards,
      advantages,
      returns,
    };
  });
  const trained = settings.mask_truncated_completions ? rollouts.filter(finished) : rollouts;
  if (settings.adv_whitening) {
    const whitened = whiten(trained.map(({ advantages }) => advantages));
    trained.forEach((rollout, i) => (rollout.advantages = whitened[i] ?? rollout.advantages));
  }
  return rollouts;
}

export const finished = ({ completion }: Rollout): boolean => completion.finish === 'eos';
