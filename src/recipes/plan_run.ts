import { LabError } from '../errors';
import type { Gpu } from '../gpu/device';
import type { Capacity } from '../model/activations';
import type { BufferOptions } from '../model/buffers';
import type { LoadedModel } from '../model/folder';
import { Rng } from '../rl/rng';
import type { Config } from '../runs/run';
import { asPrograms, promptOf, samplingPromptOf, targetOf } from '../tasks/prompt';
import type { Problem } from '../tasks/task';
import { encodeProblem, encodePrompt } from '../text/prompt';
import type { Tokenizer } from '../text/tokenizer';
export { capacityFor } from './fit';
import { fit, refuse, type Demand, type Fitting, type Remedy } from './fit';
import { everyModule, loraOf, weightsOf } from './adapter';
import { tokenizerOf } from './prompt_tokens';
import { Settings } from './settings';

/** What a run will work on and how large its buffers are: known, and shown, before anything is allocated. */
export interface RunPlan {
  train: Problem[];
  validation: Problem[];
  test: Problem[];
  /** The configuration with what was left to the lab (max_new_tokens 0) filled in. */
  config: Config;
  capacity: Capacity;
  options: BufferOptions;
  /** Exact bytes on the GPU by purpose, and their sum. */
  bytes: Record<string, number>;
  totalBytes: number;
  /** Sentences for the run's log: problems left out, and why. */
  notes: string[];
}

/** Completion tokens when the data has no chain of thought to measure. */
const DEFAULT_NEW_TOKENS = 256;

/** An adapter that is small beside any model. */
const SMALL_RANK = 8;

interface Measured {
  problem: Problem;
  prompt: number;
  /** Tokens of prompt, target and EOS; 0 without a target. */
  whole: number;
}

/**
 * Splits the data, leaves out what does not fit the model's context, and sizes the buffers for this GPU.
 * Errors: `bad_input` when nothing to train on is left, `out_of_memory` when it does not fit; both with the numbers.
 */
export function planRun(
  gpu: Gpu,
  model: Pick<LoadedModel, 'config' | 'tokenizer' | 'name'>,
  problems: readonly Problem[],
  testProblems: readonly Problem[],
  config: Config,
): RunPlan {
  const s = new Settings(config);
  const { max_position_embeddings: limit } = model.config;
  const tokenizer = tokenizerOf(model, config);
  const all = problems.map((problem) => measure(tokenizer, problem));
  // Test files carry no chain of thought: a model trained on programs is asked for programs there too.
  const programs = problems.some(({ program }) => program === true);
  const asked = programs ? asPrograms(testProblems) : testProblems;
  const test = asked.map((problem) => measure(tokenizer, problem));
  const longestTarget = Math.max(0, ...all.map(({ prompt, whole }) => whole - prompt));
  const wanted = s.number('max_new_tokens') || Math.ceil(longestTarget * 1.25) || DEFAULT_NEW_TOKENS;
  const fits = ({ prompt, whole }: Measured): boolean =>
    prompt + Math.min(wanted, 16) <= limit && whole <= limit;
  const usable = all.filter(fits);
  const usableTest = test.filter(fits);
  const leftOut = all.length - usable.length + test.length - usableTest.length;
  const notes = leftOut
    ? [
        `${leftOut} of ${all.length + test.length} problems are longer than the context of ${limit} tokens of ${model.name} and are left out.`,
      ]
    : [];
  const { train, validation } = split(usable, s);
  if (!train.length) {
    const shortest = all.reduce((least, { prompt }) => Math.min(least, prompt), Infinity);
    throw new LabError(
      'bad_input',
      all.length && !usable.length
        ? `Every problem is longer than the context of ${limit} tokens of ${model.name} (the shortest prompt has ${shortest}). Choose a model with a longer context.`
        : `No problem is left to train on (${all.length} in the file, ${validation.length} held out). Lower validation_fraction or bring more problems.`,
    );
  }
  const most = s.number('max_eval_samples');
  const limited = (list: Measured[]): Measured[] => (most ? list.slice(0, most) : list);
  const used = [...train, ...limited(validation), ...limited(usableTest)];
  const contextWith = (newTokens: number): number =>
    Math.min(limit, Math.max(...used.map(({ prompt, whole }) => Math.max(prompt + newTokens, whole))));
  const options: BufferOptions = {
    trainable: true,
    reference: config['reference'] === 'frozen',
    checkpointing: s.boolean('activation_checkpointing'),
    lora: loraOf(config, model.config),
    weights: weightsOf(config),
  };
  const demand: Demand = {
    config: model.config,
    context: contextWith(wanted),
    batch: Math.max(...batchSizes(config)),
    sequences: used.length,
    options,
  };
  return {
    train: train.map(({ problem }) => problem),
    validation: limited(validation).map(({ problem }) => problem),
    test: limited(usableTest).map(({ problem }) => problem),
    config: { ...config, max_new_tokens: wanted },
    options,
    ...room(gpu, demand, s, wanted, contextWith),
    notes,
  };
}

/** The buffers for a demand. Errors: `out_of_memory` with the settings that would fit. */
function room(
  gpu: Gpu,
  demand: Demand,
  s: Settings,
  newTokens: number,
  contextWith: (newTokens: number) => number,
): Fitting {
  const limit = s.number('max_memory_mib');
  const budget = limit ? limit * 2 ** 20 : Infinity;
  const found = fit(gpu, demand, budget);
  if (found) return found;
  throw refuse(gpu, demand, budget, remedies(gpu, demand, budget, newTokens, contextWith));
}

/** What a person may give up for memory, what costs least first. An ONNX reference is none of it: it takes more. */
function remedies(
  gpu: Gpu,
  demand: Demand,
  budget: number,
  newTokens: number,
  contextWith: (newTokens: number) => number,
): Remedy[] {
  const { lora } = demand.options;
  const with_ =
    (change: Partial<BufferOptions>) =>
    (of: Demand): Demand => ({ ...of, options: { ...of.options, ...change } });
  const small = lora ? { ...lora, rank: SMALL_RANK } : everyModule(demand.config, SMALL_RANK);
  const found: Remedy[] = [];
  if (!demand.options.checkpointing)
    found.push({ text: 'activation_checkpointing true', change: with_({ checkpointing: true }) });
  if (!lora || lora.rank > SMALL_RANK)
    found.push({ text: `lora_rank ${SMALL_RANK}`, change: with_({ lora: small }) });
  if (!lora || demand.options.weights !== 'q4')
    found.push({ text: 'weights q4', change: with_({ weights: 'q4' }), isDependent: !lora });
  const frugal = found.reduce((changed, { change }) => change(changed), demand);
  const fewer = [0.75, 0.5, 0.25, 0.125]
    .map((share) => Math.max(16, Math.floor((newTokens * share) / 16) * 16))
    .filter((tokens) => tokens < newTokens);
  // The most tokens that fit, else with all of the above; none of them when that is not enough either.
  const few = [demand, frugal]
    .map((of) => fewer.find((tokens) => fit(gpu, { ...of, context: contextWith(tokens) }, budget)))
    .find((tokens) => tokens !== undefined);
  if (few !== undefined)
    found.push({
      text: `max_new_tokens ${few}`,
      change: (of) => ({ ...of, context: contextWith(few) }),
    });
  return found;
}

function batchSizes(config: Config): number[] {
  return ['batch_size', 'mini_batch_size', 'sft_batch_size'].flatMap((name) => {
    const value = config[name];
    return typeof value === 'number' ? [value] : [];
  });
}

const measured = new WeakMap<Tokenizer, WeakMap<Problem, Measured>>();

/** Lengths of a problem, remembered: the estimate is asked for again with every setting a person changes. */
function measure(tokenizer: Tokenizer, problem: Problem): Measured {
  const known = measured.get(tokenizer) ?? new WeakMap<Problem, Measured>();
  measured.set(tokenizer, known);
  const found = known.get(problem);
  if (found) return found;
  const prompt = encodePrompt(tokenizer, samplingPromptOf(problem)).length;
  const target = targetOf(problem);
  const whole = target === null ? 0 : encodeProblem(tokenizer, promptOf(problem), target).tokens.length;
  const result = { problem, prompt, whole };
  known.set(problem, result);
  return result;
}

/** Holds validation_fraction of the problems out, drawn by the seed (the last of the file when not shuffled). */
function split(usable: readonly Measured[], s: Settings): { train: Measured[]; validation: Measured[] } {
  const held = Math.round(usable.length * s.number('validation_fraction'));
  const order = usable.map((_, i) => i);
  if (s.boolean('shuffle')) new Rng(s.number('seed'), 0).shuffle(order);
  const out = new Set(order.slice(usable.length - held));
  const train = usable.filter((_, i) => !out.has(i));
  const most = s.number('max_train_samples');
  return { train: most ? train.slice(0, most) : train, validation: usable.filter((_, i) => out.has(i)) };
}
