import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { LabError } from '../errors';
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, readAdapter, type Adapter } from '../model/peft';
import type { CommandOption } from './command';
import { isFolder, readInput } from './files';

/** `--adapter`, as the commands that take one have it. */
export const ADAPTER_OPTION: CommandOption = {
  value: 'DIR',
  help: 'A PEFT folder (LoRA) to put beside the model: RUN/adapter, RUN/checkpoints/STEP/adapter.',
};

/** The adapter in a folder; undefined where none was asked for. Errors: `bad_input` saying what is wrong with it. */
export async function openAdapter(name: string | undefined): Promise<Adapter | undefined> {
  if (name === undefined) return undefined;
  const folder = resolve(name);
  if (!isFolder(folder)) {
    throw new LabError(
      'bad_input',
      `There is no adapter folder "${name}". Give the folder that PEFT's save_pretrained wrote.`,
    );
  }
  const files: Record<string, Uint8Array> = {};
  for (const file of readdirSync(folder)) {
    if ([ADAPTER_CONFIG, ADAPTER_WEIGHTS].includes(file)) files[file] = await readInput(join(folder, file));
  }
  return readAdapter(files);
}
