import { LabError } from '../errors';
import type { Gpu } from '../gpu/device';
import { STORAGES, type Storage } from '../kernels/quantize';
import type { AskedModel } from '../model/asked';
import type { Completion, Prompt, Sampling } from '../model/generate';
import type { AnyModel } from '../model/onnx_folder';
import { OnnxModel } from '../model/onnx_model';
import { openPolicy, type AskedOptions } from '../recipes/open_policy';
import { UsageError, type Args, type CommandOption } from './command';
import { Stopped } from './interrupt';
import type { Io } from './io';
import { loadNodeOnnxRuntime } from './node_onnx';
import { secondsLeft } from './progress';

/** `--weights`, as the commands that only ask a model have it. */
export const WEIGHTS_OPTION: CommandOption = {
  value: 'FORMAT',
  help: `How the model’s matrices lie on the GPU: ${STORAGES.join(', ')}; f32 unless given.`,
};

/** Errors: `UsageError` naming the formats there are. */
export function weightsOf(args: Args): Storage {
  const named = args.maybe('weights') ?? 'f32';
  const storage = STORAGES.find((one) => one === named);
  if (storage) return storage;
  throw new UsageError(`--weights is one of ${STORAGES.join(', ')}, not "${named}".`);
}

/**
 * A model that is only asked, never trained, and room for `sequences` of up to `context` tokens; one in ONNX takes the room it
 * needs. Errors: `out_of_memory` with the numbers, `unsupported`.
 */
export async function openAsked(
  gpu: Gpu,
  model: AnyModel,
  context: number,
  sequences: number,
  asked: AskedOptions = {},
): Promise<AskedModel> {
  if (!('graph' in model)) return openPolicy(gpu, model, context, sequences, asked);
  if (asked.weights && asked.weights !== 'f32') {
    throw new LabError(
      'bad_input',
      `${model.name} is an ONNX graph, whose weights stay as they are in it. Leave --weights out.`,
    );
  }
  if (asked.adapter) {
    throw new LabError(
      'bad_input',
      `${model.name} is an ONNX graph; an adapter goes beside the safetensors it was exported from.`,
    );
  }
  return OnnxModel.create(gpu, await loadNodeOnnxRuntime(gpu), model);
}

/** Errors: `bad_input` naming the row whose prompt leaves no room for a completion in the model's context. */
export function checkPrompt(where: string, length: number, model: AnyModel): void {
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
export function contextFor(prompts: readonly Prompt[], newTokens: number, model: AnyModel): number {
  const longest = prompts.reduce((most, { tokens }) => Math.max(most, tokens.length), 1);
  return Math.min(model.config.max_position_embeddings, longest + newTokens);
}

/** Completions of prompts, with a progress bar. Errors: `Stopped` after Ctrl-C. */
export async function generateWithProgress(
  policy: AskedModel,
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
