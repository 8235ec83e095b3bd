import { LabError } from '../errors';
import { sftObjective } from '../kernels/objectives';
import type { Sequence } from '../model/batch';
import type { TrainResult } from '../model/policy';
import { learningRate, type LrSchedule } from '../rl/learning_rate';
import { minibatches } from '../rl/minibatches';
import { Rng } from '../rl/rng';
import { promptOf, targetOf } from '../tasks/prompt';
import { encodeProblem } from '../text/prompt';
import { Counters } from './counters';
import { evaluateAndKeepBest } from './held_out';
import { commonMetrics, supervisedMetrics } from './metrics';
import { OneAhead } from './one_ahead';
import { sftPresets } from './presets';
import type { Recipe, RunContext } from './recipe';
import { Settings } from './settings';
import { sftFields } from './sft_fields';

/**
 * Supervised fine-tuning on the chains of thought: the baseline of ReFT (arXiv:2401.08967, section 3.1) and its warm-up.
 *
 *   loss = −(1/M) Σ log π(token)      over the M completion tokens of the batch, EOS included
 */
export const sft: Recipe = {
  id: 'sft',
  label: 'SFT',
  paper: 'Supervised fine-tuning as in ReFT (arXiv:2401.08967), section 3.1',
  help: 'Learns to imitate the reasoning written in the data, token by token.',
  fields: sftFields,
  presets: sftPresets,
  metrics: [...commonMetrics, ...supervisedMetrics],

  async run(context) {
    const s = new Settings(context.config);
    const counters = new Counters(context.start);
    const epochs = s.number('num_epochs');
    await supervise(context, counters, {
      prefix: '',
      batch_size: s.number('batch_size'),
      scheduleEpochs: epochs,
      epochs,
      max_steps: s.number('max_steps'),
      keepEpoch: s.number('warmup_epochs'),
      laterSteps: 0,
    });
  },
};

/** One supervised phase: the whole of an SFT run, or the warm-up of another recipe. */
export interface SupervisedPhase {
  /** Which optimizer settings: '' or 'sft_'. */
  prefix: '' | 'sft_';
  batch_size: number;
  /** The learning rate follows a schedule of this many epochs … */
  scheduleEpochs: number;
  /** … of which this many are run. */
  epochs: number;
  /** 0 for no limit. */
  max_steps: number;
  /** Also keep the checkpoint at the end of this epoch; 0 for none. */
  keepEpoch: number;
  /** Steps that follow this phase, for the progress bar. */
  laterSteps: number;
}

/** Steps a supervised phase takes on `n` problems. */
export function supervisedSteps(
  n: number,
  phase: Pick<SupervisedPhase, 'batch_size' | 'epochs' | 'max_steps'>,
): number {
  const steps = Math.ceil(n / phase.batch_size) * phase.epochs;
  return phase.max_steps ? Math.min(steps, phase.max_steps) : steps;
}

/** Runs a supervised phase: one metrics row a step, its loss taken before its update. */
export async function supervise(
  context: RunContext,
  counters: Counters,
  phase: SupervisedPhase,
): Promise<void> {
  const { policy, log } = context;
  const s = new Settings(context.config);
  const examples = supervisedExamples(context);
  const stepsPerEpoch = Math.ceil(examples.length / phase.batch_size);
  const steps = supervisedSteps(examples.length, phase);
  const scheduled = phase.max_steps ? steps : stepsPerEpoch * phase.scheduleEpochs;
  const total = steps + phase.laterSteps;
  const evalSteps = s.number('eval_steps') || stepsPerEpoch;
  const saveSteps = s.number('save_steps');
  const rng = new Rng(s.number('seed'), 1);

  log.progress(0, total, 'evaluate');
  await log.checkpoint('0', { keep: true });
  const before = await evaluateAndKeepBest(context, counters, total, false);
  if (Object.keys(before).length) await log.metrics(0, { ...counters.row(), ...before });

  const ahead = new OneAhead();
  for (let submitted = 0; submitted < steps;) {
    for (const indices of minibatches(examples.length, phase.batch_size, rng, s.boolean('shuffle'))) {
      if (submitted === steps) break;
      await context.checkpointPause(() => ahead.drain());
      const batch = indices.map((i) => examples[i]).filter((example) => example !== undefined);
      const learning_rate = learningRate(
        s.text(`${phase.prefix}lr_scheduler_type`) as LrSchedule,
        submitted,
        scheduled,
        s.number(`${phase.prefix}warmup_ratio`),
        s.number(`${phase.prefix}learning_rate`),
      );
      log.progress(counters.step, total, 'train');
      const M = batch.reduce((sum, { tokens, promptLength }) => sum + tokens.length - promptLength, 0);
      const training = policy.train(
        batch,
        sftObjective,
        batch.map((sequence) => weights(sequence, 1 / M)),
        {},
        { learning_rate, weight_decay: s.number('weight_decay'), max_grad_norm: s.number('max_grad_norm') },
      );
      submitted += 1;
      const last = submitted === steps;
      const evaluates = submitted % evalSteps === 0 || last;
      const epochEnds = submitted % stepsPerEpoch === 0 ? submitted / stepsPerEpoch : 0;
      const warmupEnds = epochEnds !== 0 && epochEnds === phase.keepEpoch;
      const saves = last || (saveSteps && submitted % saveSteps === 0) || warmupEnds;
      await ahead.push(training, async (result) => {
        counters.step += 1;
        counters.epoch += 1 / stepsPerEpoch;
        counters.num_tokens += M;
        const { step } = counters;
        // In a warm-up only the state PPO starts from could be worth keeping as "best", and PPO judges that itself.
        const isRun = phase.laterSteps === 0;
        const evaluation = evaluates ? await evaluateAndKeepBest(context, counters, total, isRun) : {};
        await log.metrics(step, {
          ...supervisedRow(result, M),
          learning_rate,
          ...counters.row(),
          ...evaluation,
        });
        if (saves) {
          await log.checkpoint(String(step), { keep: true });
          await log.event({
            step,
            kind: warmupEnds ? 'warmup_end' : 'checkpoint',
            text: `Checkpoint of step ${step} kept${warmupEnds ? ', for ReFT to start from' : ''}.`,
          });
        }
        log.progress(step, total, 'train');
      });
      // What looks at the weights looks at those of its own step.
      if (evaluates || saves) await ahead.drain();
    }
  }
  await ahead.drain();
}

/** The loss columns of one update over M completion tokens. */
function supervisedRow({ sums, correct, grad_norm }: TrainResult, M: number): Record<string, number> {
  const [loss = Number.NaN, , entropy = Number.NaN] = sums;
  return { loss, mean_token_accuracy: correct / M, entropy: entropy / M, grad_norm };
}

/** Problems as training sequences. Errors: `bad_input` when none has a chain of thought to learn from. */
function supervisedExamples({ train, tokenizer }: RunContext): Sequence[] {
  const examples = train.flatMap((problem) => {
    const target = targetOf(problem);
    return target === null ? [] : [encodeProblem(tokenizer, promptOf(problem), target)];
  });
  if (!examples.length) {
    throw new LabError(
      'bad_input',
      'None of these problems has a chain of thought, so there is nothing to imitate. Use a file with reasoning ' +
        '(GSM8K, ReFT’s own format), or run ReFT without warm-up (warmup_epochs 0), which needs answers only.',
    );
  }
  return examples;
}

/** Constants of the sft objective: the weight of each completion token. */
function weights({ tokens, promptLength }: Sequence, weight: number): Float32Array {
  const constants = new Float32Array((tokens.length - promptLength) * 8);
  for (let i = 0; i < constants.length; i += 8) constants[i] = weight;
  return constants;
}
