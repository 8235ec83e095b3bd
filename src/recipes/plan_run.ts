import { LabError } from '../errors';
import { logitsStride, type Capacity } from '../model/activations';
import type { ModelConfig } from '../model/config';
import type { LoadedModel } from '../model/folder';
import { Rng } from '../rl/rng';
import type { Config } from '../runs/run';
import { promptOf, samplingPromptOf, targetOf } from '../tasks/prompt';
import type { Problem } from '../tasks/task';
import { encodeProblem, encodePrompt } from '../text/prompt';
import type { Tokenizer } from '../text/tokenizer';
import { Settings } from './settings';

/** What a run will work on and how large its buffers are: known, and shown, before anything is allocated. */
export interface RunPlan {
  train: Problem[];
  validation: Problem[];
  test: Problem[];
  /** The configuration with what was left to the lab (max_new_tokens 0) filled in. */
  config: Config;
  capacity: Capacity;
  /** Sentences for the run's log: problems left out, and why. */
  notes: string[];
}

const MICRO_BATCH_TOKENS = 4096;
const MOST_SLOTS = 128;
const LOGITS_BYTES = 16 * 2 ** 20;
/** Completion tokens when the data has no chain of thought to measure. */
const DEFAULT_NEW_TOKENS = 256;

interface Measured {
  problem: Problem;
  prompt: number;
  /** Tokens of prompt, target and EOS; 0 without a target. */
  whole: number;
}

/**
 * Splits the data, leaves out what does not fit the model's context, and sizes the buffers.
 * Errors: `bad_input` when nothing to train on is left, with the numbers.
 */
export function planRun(
  model: Pick<LoadedModel, 'config' | 'tokenizer' | 'name'>,
  problems: readonly Problem[],
  testProblems: readonly Problem[],
  config: Config,
): RunPlan {
  const s = new Settings(config);
  const { max_position_embeddings: limit } = model.config;
  const all = problems.map((problem) => measure(model.tokenizer, problem));
  const test = testProblems.map((problem) => measure(model.tokenizer, problem));
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
  const context = Math.min(
    limit,
    Math.max(...used.map(({ prompt, whole }) => Math.max(prompt + wanted, whole))),
  );
  return {
    train: train.map(({ problem }) => problem),
    validation: limited(validation).map(({ problem }) => problem),
    test: limited(usableTest).map(({ problem }) => problem),
    config: { ...config, max_new_tokens: wanted },
    capacity: capacityFor(model.config, context, Math.max(...batchSizes(config)), used.length),
    notes,
  };
}

/** Buffers for sequences of up to `context` tokens in batches of `batch`. */
export function capacityFor(
  config: ModelConfig,
  context: number,
  batch: number,
  sequences = batch,
): Capacity {
  const tokens = Math.max(context, Math.min(MICRO_BATCH_TOKENS, batch * context));
  const rows = Math.floor(LOGITS_BYTES / (4 * logitsStride(config)));
  return {
    tokens,
    sequences: Math.min(tokens, Math.max(batch, MOST_SLOTS)),
    context,
    slots: Math.min(tokens, MOST_SLOTS, Math.max(batch, sequences)),
    // Rows of a chunk start at multiples of 256 bytes in every buffer.
    chunk: Math.max(64, Math.min(Math.ceil(tokens / 64) * 64, Math.floor(rows / 64) * 64)),
  };
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
