import type { Capacity } from '../../src/model/activations';
import type { Sequence } from '../../src/model/batch';
import type { ModelConfig } from '../../src/model/config';
import { adaptableModules } from '../../src/model/lora';
import { Policy } from '../../src/model/policy';
import { memorySource, type TensorSource } from '../../src/model/tensor_source';
import { capacityFor } from '../../src/recipes/plan_run';
import type { Cost, Figure } from '../figure';
import { bundledIds, openBundled, type BundledId } from '../model';
import {
  anyPrompts,
  anySequences,
  anyWeights,
  capacityOf,
  decodeCost,
  loraCost,
  makePolicy,
  scoreCost,
  tokenCount,
  trainCost,
  trainStep,
} from '../policy_work';
import { fractionOfRoof } from '../roofline/roofs';
import { allShapes, configOf } from '../shapes';
import type { BenchContext, Suite } from '../suite';
import { countSteady } from '../steady';
import { timePipelined, timeWall, type Timing } from '../timing';

const BATCH = 32;
const BATCHES = [1, 8, 32, 128];
const NEW_TOKENS = 48;
/** Public models are run whole, with made-up weights, where a step of these tokens should take no longer than this. */
const PUBLIC = { batch: 4, length: 512, promptLength: 256, seconds: 2 };
/** Share of the peak assumed before the first step. */
const ASSUMED_SHARE = 0.1;
/** The adapter of the LoRA step, beside every projection. */
const LORA = { rank: 8, alpha: 16, rslora: false };
const MIB = 2 ** 20;

/** Whole training steps, scoring and generation; then what a steady step makes and waits for. */
export const steps: Suite = async (context) => {
  for (const id of bundledIds(context)) await bundledModel(context, id);
  await publicModels(context);
  await countSteady(context);
};

/** Reports figures of one model, each with the share of the roof that its work reached. */
function reporter({ roofs, report }: BenchContext, model: string) {
  const tell = (name: string, value: number, unit: string, timing: Timing, cost?: Cost): void => {
    const fraction = cost && fractionOfRoof(cost, timing.milliseconds, roofs);
    const figure: Figure = { name: `steps/${model}/${name}`, value, unit, samples: timing.samples };
    report(fraction === undefined ? figure : { ...figure, fraction_of_roof: fraction });
  };
  return {
    milliseconds: (name: string, timing: Timing, cost: Cost) =>
      tell(name, timing.milliseconds, 'ms', timing, cost),
    rate: (name: string, tokens: number, timing: Timing, cost?: Cost) =>
      tell(name, (tokens / timing.milliseconds) * 1000, 'tokens/s', timing, cost),
    planned: (name: string, { bytes }: Policy) => {
      const value = Object.values(bytes).reduce((sum, part) => sum + part, 0) / MIB;
      report({ name: `steps/${model}/${name}`, value, unit: 'MiB', samples: 1 });
    },
  };
}

/** A bundled model on its own problems, as in docs/performance.md: batch 32, 48 new tokens. */
async function bundledModel(context: BenchContext, id: BundledId): Promise<void> {
  const { model, sequences, prompts } = await openBundled(context.read, id, Math.max(...BATCHES));
  const { config } = model;
  const batch = sequences.slice(0, BATCH);
  const longest = Math.max(
    ...batch.map(({ tokens }) => tokens.length),
    ...prompts.map(({ tokens }) => tokens.length + NEW_TOKENS),
  );
  const capacity = capacityFor(config, longest, BATCH, Math.max(...BATCHES));
  const options = { trainable: true, reference: false };
  const policy = await Policy.open(context.gpu, config, model.weights, capacity, options);
  const tell = reporter(context, id);
  const tokens = tokenCount(batch);

  const train = await timePipelined(trainStep(policy, batch));
  tell.milliseconds('train_step_full', train, trainCost(config, batch));
  tell.rate('train_full', tokens, train);
  tell.rate('score', tokens, await timeWall(() => policy.score(batch)), scoreCost(config, batch));
  // No EOS, so that every completion has the same length.
  const sampling = { temperature: 1, top_k: 0, top_p: 1, max_new_tokens: NEW_TOKENS, seed: 0, eos: [] };
  for (const B of BATCHES) {
    const some = prompts.slice(0, B);
    const prompt = some.reduce((sum, p) => sum + p.tokens.length, 0) / B;
    const step = decodeCost(config, B, prompt + NEW_TOKENS / 2);
    const cost = { flops: NEW_TOKENS * step.flops, bytes: NEW_TOKENS * step.bytes };
    const timing = await timeWall(() => policy.generate(some, sampling));
    tell.rate(`generate_b${B}`, B * NEW_TOKENS, timing, cost);
  }
  tell.planned('gpu_bytes_planned', policy);
  policy.destroy();
  await loraStep(context, id, config, model.weights, { ...capacity, slots: 0 }, batch);
}

/** The same training step with every weight frozen and an adapter trained. */
async function loraStep(
  context: BenchContext,
  model: string,
  config: ModelConfig,
  weights: TensorSource,
  capacity: Capacity,
  batch: readonly Sequence[],
): Promise<void> {
  const lora = { ...LORA, modules: adaptableModules(config) };
  const options = { trainable: true, reference: false, lora };
  const policy = await Policy.open(context.gpu, config, weights, capacity, options);
  const tell = reporter(context, model);
  const train = await timePipelined(trainStep(policy, batch));
  tell.milliseconds('train_step_lora', train, loraCost(config, lora, batch));
  tell.rate('train_lora', tokenCount(batch), train);
  tell.planned('gpu_bytes_planned_lora', policy);
  policy.destroy();
}

/** Whole steps of public models of Llama's kind, where this adapter can finish them in time. */
async function publicModels(context: BenchContext): Promise<void> {
  const { gpu, roofs, note } = context;
  for (const shapes of await allShapes(context)) {
    if (!shapes.isLlama || shapes.isBundled) continue;
    const config = configOf(shapes, PUBLIC.length);
    const batch = anySequences(PUBLIC.batch, PUBLIC.length, PUBLIC.promptLength, shapes.V);
    const cost = trainCost(config, batch);
    const seconds = cost.flops / ((roofs.fma_gflop_s ?? 0) * ASSUMED_SHARE * 1e9);
    if (!(seconds <= PUBLIC.seconds)) {
      note(
        `${shapes.model}: no whole step of ${tokenCount(batch)} tokens here, it would take about ${seconds.toFixed(0)} s.`,
      );
      continue;
    }
    const policy = makePolicy(gpu, config, capacityOf(config, batch, BATCH));
    const tell = reporter(context, shapes.model);
    const train = await timePipelined(trainStep(policy, batch));
    tell.milliseconds('train_step_full', train, cost);
    tell.rate('train_full', tokenCount(batch), train);
    const prompts = anyPrompts(BATCH, PUBLIC.promptLength / 4, shapes.V);
    const sampling = { temperature: 1, top_k: 0, top_p: 1, max_new_tokens: NEW_TOKENS, seed: 0, eos: [] };
    const timing = await timeWall(() => policy.generate(prompts, sampling));
    tell.rate(`generate_b${BATCH}`, BATCH * NEW_TOKENS, timing);
    policy.destroy();
    const weights = memorySource(anyWeights(config));
    await loraStep(context, shapes.model, config, weights, capacityOf(config, batch), batch);
  }
}
