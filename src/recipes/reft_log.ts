import type { RunContext } from './recipe';
import type { Rollout } from './rollout';

/** Records an iteration's completions (the first `kept`) and, with --audit, everything needed to recompute its update. */
export async function logRollouts(
  { log, audit }: RunContext,
  step: number,
  rollouts: readonly Rollout[],
  losses: ReadonlyMap<Rollout, { policy: number[]; value: number[] }>,
  kept: number,
): Promise<void> {
  await log.completions(
    rollouts.slice(0, kept).map((rollout) => ({
      step,
      split: 'train',
      problem: rollout.problem.id,
      question: rollout.problem.question,
      completion: rollout.text,
      answer: rollout.problem.answer,
      ...rollout.grade,
      length: rollout.completion.tokens.length,
      finish: rollout.completion.finish,
    })),
  );
  if (!audit) return;
  await log.audit(
    rollouts.map((rollout) => ({
      step,
      problem: rollout.problem.id,
      tokens: rollout.tokens,
      mask: rollout.tokens.map((_, i) => (i < rollout.promptLength ? 0 : 1)),
      logp_old: [...rollout.logpOld],
      logp_ref: [...rollout.logpRef],
      value_old: [...rollout.valueOld],
      reward: [...rollout.rewards],
      advantage: [...rollout.advantages],
      return: [...rollout.returns],
      score: rollout.score,
      policy_loss: losses.get(rollout)?.policy ?? [],
      value_loss: losses.get(rollout)?.value ?? [],
    })),
  );
}
