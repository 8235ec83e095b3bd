import { existsSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { LabError } from '../errors';
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, readAdapter, type Adapter } from '../model/peft';
import { inCheckpoint } from '../recipes/adapter';
import type { InitCheckpoint } from '../recipes/session';
import type { CommandOption } from './command';
import { fileSource, isFolder, readInput } from './files';
import type { Io } from './io';
import { checkpointAt, isOfRun } from './model_dir';

/** `--adapter`, as the commands that take one have it. */
export const ADAPTER_OPTION: CommandOption = {
  value: 'DIR',
  help: 'A PEFT folder (LoRA) to put beside the model: RUN/adapter, RUN/checkpoints/STEP/adapter.',
};

/** Where the run that a folder is, or whose model/ or checkpoint it is, keeps its adapter. */
export function adapterOfRun(model: string): string | undefined {
  return [join(model, 'adapter'), join(model, '..', 'adapter')].find(
    (folder) => existsSync(join(folder, ADAPTER_CONFIG)) && isFolder(folder),
  );
}

/**
 * The adapter in a folder, to go with a model; undefined where none was asked for. Notes where it says that its base is
 * another. Errors: `bad_input` saying what is wrong with it, and when the model is that of its own run, which has it merged in.
 */
export async function openAdapter(
  name: string | undefined,
  model: string,
  io: Io,
): Promise<Adapter | undefined> {
  if (name === undefined) return undefined;
  const folder = resolve(name);
  if (resolve(adapterOfRun(model) ?? '') === folder) {
    throw new LabError(
      'bad_input',
      `${model} has the adapter ${name} merged in already. Give the model that the run started from, or leave --adapter out.`,
    );
  }
  if (!isFolder(folder)) {
    throw new LabError(
      'bad_input',
      `There is no adapter folder "${name}". Give the folder that PEFT's save_pretrained wrote.`,
    );
  }
  const adapter = await readAdapterFolder(folder);
  const { base_model_name_or_path: base } = adapter.json;
  if (typeof base === 'string' && !isOfRun(model) && basename(base) !== basename(resolve(model)))
    io.note(`The adapter says that it was trained on ${base}; the model is ${model}.`);
  return adapter;
}

/** The checkpoint of a run that an adapter's folder is of (RUN/checkpoints/STEP/adapter); null where it is of none. */
export async function adapterCheckpoint(name: string): Promise<InitCheckpoint | null> {
  const folder = resolve(name);
  if (basename(folder) !== 'adapter') return null;
  const checkpoint = await checkpointAt(join(folder, '..'));
  if (!checkpoint) return null;
  const own = {
    [ADAPTER_CONFIG]: fileSource(join(folder, ADAPTER_CONFIG)),
    [ADAPTER_WEIGHTS]: fileSource(join(folder, ADAPTER_WEIGHTS)),
  };
  return { ...checkpoint, files: { ...checkpoint.files, ...inCheckpoint(own) } };
}

/** The adapter in a folder that is there. Errors: `bad_input` saying what is wrong with it. */
export async function readAdapterFolder(folder: string): Promise<Adapter> {
  const files: Record<string, Uint8Array> = {};
  for (const file of readdirSync(folder)) {
    if ([ADAPTER_CONFIG, ADAPTER_WEIGHTS].includes(file)) files[file] = await readInput(join(folder, file));
  }
  return readAdapter(files);
}
