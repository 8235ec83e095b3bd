import { LabError } from '../errors';
import { ppoClipObjective } from '../kernels/objectives';
import type { Policy, TrainResult } from '../model/policy';
import type { ReferencePolicy } from '../model/reference';
import { AdaptiveKl, type KlKind } from '../rl/kl';
import { learningRate, type LrSchedule } from '../rl/learning_rate';
import { minibatches } from '../rl/minibatches';
import { Rng } from '../rl/rng';
import type { Aggregation } from '../rl/weights';
import type { Extraction } from '../tasks/task';
import { Counters } from './counters';
import { evaluateAndKeepBest } from './held_out';
import { commonMetrics, ppoMetrics, supervisedMetrics } from './metrics';
import { OneAhead } from './one_ahead';
import { losses, ppoConstants, rolloutMetrics, updateMetrics } from './ppo';
import { reftPresets } from './presets';
import type { Recipe, RunContext } from './recipe';
import { logRollouts } from './reft_log';
import { finished, rollOut, type Rollout, type RolloutSettings } from './rollout';
import { Settings } from './settings';
import { reftFields } from './reft_fields';
import { supervise, supervisedSteps } from './sft';

/** π_ref must say of the policy's own samples what the policy says, before the first update: mean |Δ log p| a token. */
const KL_AT_START_LIMIT = 1e-4;

/**
 * ReFT: Reasoning with Reinforced Fine-Tuning (Luong et al., arXiv:2401.08967, algorithm 1).
 *
 *   1. warm-up: a few epochs of SFT on (question, chain of thought)            → π⁰ = π_ref
 *   2. repeat, on the same questions:
 *        sample one chain of thought a question from π                          → e, V_old, log π_old, log π_ref
 *        reward 1 / 0.1 / 0 on the last token, −kl_coef·(log π_old − log π_ref) on every token
 *        GAE(γ = 1, λ = 0.95) → whitened advantages; returns = advantages + V_old
 *        ppo_epochs times, by minibatches: clipped policy loss + vf_coef · clipped value loss → AdamW
 */
export const reft: Recipe = {
  id: 'reft',
  label: 'ReFT',
  paper: 'Luong et al., ReFT: Reasoning with Reinforced Fine-Tuning, arXiv:2401.08967',
  help: 'Warms up by imitation, then samples its own reasoning on the same problems and learns from whether the answer is right.',
  fields: reftFields,
  presets: reftPresets,
  metrics: [
    ...commonMetrics,
    ...supervisedMetrics.filter(({ key }) => key !== 'entropy'),
    {
      key: 'entropy',
      label: 'Entropy (warm-up)',
      unit: 'nats/token',
      help: 'Mean entropy over the warm-up step’s completion tokens.',
    },
    ...ppoMetrics,
  ],

  async run(context) {
    const { policy, train, log } = context;
    const s = new Settings(context.config);
    const counters = new Counters(context.start);
    const seed = s.number('seed');

    // How long it will take, before anything runs.
    const iterationsPerEpoch = Math.ceil(train.length / s.number('batch_size'));
    const limit = s.number('max_steps');
    const whole = iterationsPerEpoch * s.number('num_epochs');
    const iterations = limit ? Math.min(limit, whole) : whole;
    const warmup = {
      batch_size: s.number('sft_batch_size'),
      epochs: s.number('warmup_epochs'),
      max_steps: 0,
    };
    const warmupSteps = warmup.epochs ? supervisedSteps(train.length, warmup) : 0;
    const total = warmupSteps + iterations;

    // 1. Warm-up.
    initializeValueHead(policy, seed);
    if (warmup.epochs) {
      const scheduleEpochs = s.number('sft_num_epochs');
      await supervise(context, counters, {
        ...warmup,
        prefix: 'sft_',
        scheduleEpochs,
        keepEpoch: 0,
        laterSteps: iterations,
      });
      initializeValueHead(policy, seed);
      policy.resetOptimizer();
      await log.event({
        step: counters.step,
        kind: 'warmup_end',
        text: 'Warm-up ends; PPO begins from here.',
      });
    } else {
      log.progress(0, total, 'evaluate');
      const before = await evaluateAndKeepBest(context, counters, total, false);
      if (Object.keys(before).length) await log.metrics(0, { ...counters.row(), ...before });
    }
    await log.checkpoint(String(counters.step), { keep: true });
    const reference = await context.makeReference(s.text('reference'));

    // 2. PPO.
    try {
      await reinforce(context, counters, reference, { iterations, iterationsPerEpoch, total });
    } finally {
      reference.destroy();
    }
  },
};

/** PyTorch's default for Linear(C, 1): weight and bias uniform in ±1/√C. */
function initializeValueHead(policy: Policy, seed: number): void {
  const C = policy.config.hidden_size;
  const rng = new Rng(seed, 3);
  const draw = (): number => (2 * rng.uniform() - 1) / Math.sqrt(C);
  policy.setValueHead(Float32Array.from({ length: C }, draw), Float32Array.of(draw()));
}

interface Horizon {
  iterations: number;
  iterationsPerEpoch: number;
  /** Steps of the whole run, warm-up included. */
  total: number;
}

async function reinforce(
  context: RunContext,
  counters: Counters,
  reference: ReferencePolicy,
  { iterations, iterationsPerEpoch, total }: Horizon,
): Promise<void> {
  const { train, log } = context;
  const s = new Settings(context.config);
  const rng = new Rng(s.number('seed'), 2);
  const evalSteps = s.number('eval_steps') || iterationsPerEpoch;
  const saveSteps = s.number('save_steps');
  const adaptive = s.boolean('adap_kl_ctrl')
    ? new AdaptiveKl({
        init: s.number('kl_coef'),
        target: s.number('target_kl'),
        horizon: s.number('kl_horizon'),
      })
    : undefined;
  let iteration = 0;
  let sampled = 0;

  while (iteration < iterations) {
    for (const indices of minibatches(train.length, s.number('batch_size'), rng, s.boolean('shuffle'))) {
      if (iteration === iterations) return;
      await context.checkpointPause();
      const problems = indices.map((i) => train[i]).filter((problem) => problem !== undefined);
      const kl_coef = adaptive?.coef ?? s.number('kl_coef');
      const learning_rate = learningRate(
        s.text('lr_scheduler_type') as LrSchedule,
        iteration,
        iterations,
        s.number('warmup_ratio'),
        s.number('learning_rate'),
      );

      const rollouts = await rollOut(
        context,
        reference,
        problems,
        sampled,
        rolloutSettings(s, kl_coef),
        (phase) => log.progress(counters.step, total, phase),
      );
      sampled += rollouts.length;
      counters.tokens_generated += rollouts.reduce((sum, { logpOld }) => sum + logpOld.length, 0);
      if (iteration === 0) await checkReference(context, reference, rollouts);

      log.progress(counters.step, total, 'train');
      const { results, byRollout, tokens } = await update(context, rollouts, kl_coef, learning_rate, rng);

      iteration += 1;
      counters.step += 1;
      counters.epoch += 1 / iterationsPerEpoch;
      counters.num_tokens += tokens;
      const { step } = counters;
      const before = rolloutMetrics(rollouts);
      adaptive?.update(before['objective/kl'] ?? 0, rollouts.length);
      await logRollouts(context, step, rollouts, byRollout, s.number('log_completions'));
      const last = iteration === iterations;
      const due = iteration % evalSteps === 0 || last;
      const evaluation = due ? await evaluateAndKeepBest(context, counters, total, true) : {};
      const row = {
        learning_rate,
        kl_coef,
        ...before,
        ...updateMetrics(results),
        ...counters.row(),
        ...evaluation,
      };
      await log.metrics(step, row);
      if (last || (saveSteps && step % saveSteps === 0)) {
        await log.checkpoint(String(step), { keep: true });
        await log.event({ step, kind: 'checkpoint', text: `Checkpoint of step ${step} kept.` });
      }
      log.progress(step, total, 'train');
    }
  }
}

/**
 * ppo_epochs passes over the rollout by minibatches, each submitted before the last one's sums are read. `byRollout`: the
 * losses of each rollout's minibatch, a pass each.
 */
async function update(
  context: RunContext,
  rollouts: readonly Rollout[],
  kl_coef: number,
  learning_rate: number,
  rng: Rng,
): Promise<{
  results: TrainResult[];
  byRollout: Map<Rollout, { policy: number[]; value: number[] }>;
  tokens: number;
}> {
  const s = new Settings(context.config);
  const trained = s.boolean('mask_truncated_completions') ? rollouts.filter(finished) : rollouts;
  const coefficients = {
    cliprange: s.number('cliprange'),
    cliprange_value: s.number('cliprange_value'),
    vf_coef: s.number('vf_coef'),
    entropy_coef: 0,
    kl_loss_coef: s.boolean('kl_in_loss') ? kl_coef : 0,
  };
  const optimizer = {
    learning_rate,
    weight_decay: s.number('weight_decay'),
    max_grad_norm: s.number('max_grad_norm'),
  };
  const results: TrainResult[] = [];
  const byRollout = new Map(
    rollouts.map((rollout) => [rollout, { policy: [] as number[], value: [] as number[] }]),
  );
  let tokens = 0;
  const ahead = new OneAhead();
  for (let epoch = 0; epoch < s.number('ppo_epochs'); epoch++) {
    for (const indices of minibatches(
      trained.length,
      s.number('mini_batch_size'),
      rng,
      s.boolean('shuffle'),
    )) {
      await context.checkpointPause(() => ahead.drain());
      const minibatch = indices.map((i) => trained[i]).filter((rollout) => rollout !== undefined);
      const constants = ppoConstants(minibatch, s.text('loss_aggregation') as Aggregation);
      const training = context.policy.train(minibatch, ppoClipObjective, constants, coefficients, optimizer);
      await ahead.push(training, (result) => {
        results.push(result);
        const loss = losses(result);
        for (const rollout of minibatch) {
          tokens += rollout.logpOld.length;
          byRollout.get(rollout)?.policy.push(loss.policy);
          byRollout.get(rollout)?.value.push(loss.value);
        }
      });
    }
  }
  await ahead.drain();
  return { results, byRollout, tokens };
}

/** Errors: `bug` when π_ref and the policy disagree before the first update: one of the two computes wrongly. */
async function checkReference(
  { log }: RunContext,
  reference: ReferencePolicy,
  rollouts: readonly Rollout[],
): Promise<void> {
  const differences = rollouts.flatMap(({ logpOld, logpRef }) =>
    Array.from(logpOld, (logp, t) => Math.abs(logp - (logpRef[t] ?? Number.NaN))),
  );
  const kl = differences.reduce((sum, d) => sum + d, 0) / differences.length;
  await log.klAtStart(kl);
  if (!(kl <= KL_AT_START_LIMIT)) {
    throw new LabError(
      'bug',
      `Before the first update π_ref (${reference.kind}) and the policy differ by ${kl.toExponential(1)} nats a token, ` +
        `where ${KL_AT_START_LIMIT} is allowed: this GPU computes one of them wrongly. Nothing was trained; try the other reference.`,
    );
  }
}

function rolloutSettings(s: Settings, kl_coef: number): RolloutSettings {
  return {
    sampling: {
      temperature: s.number('temperature'),
      top_k: s.number('top_k'),
      top_p: s.number('top_p'),
      max_new_tokens: s.number('max_new_tokens'),
      seed: s.number('seed'),
    },
    grading: { extraction: s.text('extraction') as Extraction, partial_reward: s.boolean('partial_reward') },
    missing_eos_penalty: s.number('missing_eos_penalty'),
    kl_estimator: s.text('kl_estimator') as KlKind,
    kl_coef: s.boolean('kl_in_loss') ? 0 : kl_coef,
    gamma: s.number('gamma'),
    lam: s.number('lam'),
    adv_whitening: s.boolean('adv_whitening'),
    mask_truncated_completions: s.boolean('mask_truncated_completions'),
  };
}
