import { LabError } from '../errors';
import type { Gpu } from '../gpu/device';
import type { LoadedModel } from '../model/folder';
import type { Adapter } from '../model/peft';
import type { Completion, Prompt, Sampling } from '../model/generate';
import { Policy } from '../model/policy';
import { fit, refuse } from '../recipes/fit';
import { Stopped } from './interrupt';
import type { Io } from './io';
import { secondsLeft } from './progress';

const SEQUENCES_AT_ONCE = 128;

/**
 * A model that is only asked, never trained, with an adapter beside it if there is one, and room for `sequences` of up to `context` tokens.
 * Errors: `out_of_memory` with the numbers.
 */
export async function openPolicy(
  gpu: Gpu,
  model: LoadedModel,
  context: number,
  sequences: number,
  adapter?: Adapter,
): Promise<Policy> {
  const options = { trainable: false, reference: false, lora: adapter?.config };
  const batch = Math.min(sequences, SEQUENCES_AT_ONCE);
  const demand = { config: model.config, context, batch, sequences, options };
  const fitting = fit(gpu, demand, Infinity);
  if (!fitting) throw refuse(gpu, demand, Infinity, []);
  const policy = await Policy.open(gpu, model.config, model.weights, fitting.capacity, options);
  if (adapter) policy.loadAdapter(adapter.tensors);
  return policy;
}

/** Errors: `bad_input` naming the row whose prompt leaves no room for a completion in the model's context. */
export function checkPrompt(where: string, length: number, model: LoadedModel): void {
  const limit = model.config.max_position_embeddings;
  if (length === 0) throw new LabError('bad_input', `${where}: the prompt is empty; give it some text.`);
  if (length < limit) return;
  throw new LabError(
    'bad_input',
    `${where}: the prompt has ${length} tokens and the context of ${model.name} is ${limit}. ` +
      'Shorten it, leave it out, or choose a model with a longer context.',
  );
}

/** The longest sequence a generation needs room for, within the model's context. */
export function contextFor(prompts: readonly Prompt[], newTokens: number, model: LoadedModel): number {
  const longest = prompts.reduce((most, { tokens }) => Math.max(most, tokens.length), 1);
  return Math.min(model.config.max_position_embeddings, longest + newTokens);
}

/** Completions of prompts, with a progress bar. Errors: `Stopped` after Ctrl-C. */
export async function generateWithProgress(
  policy: Policy,
  prompts: readonly Prompt[],
  sampling: Sampling,
  io: Io,
  label: string,
): Promise<Completion[]> {
  const bar = io.progress();
  const started = Date.now();
  try {
    return await policy.generate(prompts, sampling, {
      onProgress: (done) => {
        if (io.signal.aborted)
          throw new Stopped(`Stopped after ${done} of ${prompts.length}; nothing was written.`);
        const total = prompts.length;
        bar.update({ done, total, label, secondsLeft: secondsLeft(started, Date.now(), done, total) });
      },
    });
  } finally {
    bar.end();
  }
}
