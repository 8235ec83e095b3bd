import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { LabError } from '../errors';
import type { ByteSource } from '../model/byte_source';
import { openModelFolder, type LoadedModel } from '../model/folder';
import { isOnnxFolder, openAnyFolder, trainable, whyNotTrained, type AnyModel } from '../model/onnx_folder';
import { readRecord } from '../runs/open_run';
import type { InitCheckpoint } from '../recipes/session';
import type { RunRecord } from '../runs/run';
import { fileSource, isFolder, packageRoot } from './files';
import { isHubName, openHubModel } from './hub_model';
import type { Io } from './io';
import { NodeFolder } from './node_folder';

export interface OpenedModel {
  model: LoadedModel;
  /** Set when the folder is a checkpoint of a run. */
  init: InitCheckpoint | null;
}

/**
 * A model by its folder, by the folder of a run (its final model), by a checkpoint of a run (RUN/checkpoints/40), by the name
 * of a bundled one, or of one of the Hub (owner/name). Errors: `bad_input` saying what was looked for.
 */
export async function openModel(name: string, io: Io): Promise<OpenedModel> {
  if (!isFolder(name) && isHubName(name)) {
    return { model: trainable(await openHubModel(name, io)), init: null };
  }
  const folder = resolve(modelFolder(name));
  const files = filesOf(folder);
  if (!files['config.json'] && isFolder(join(folder, 'adapter'))) {
    throw new LabError(
      'bad_input',
      `${name} holds an adapter, not a whole model. Give --model the model that the run started from, and --adapter ${join(name, 'adapter')}.`,
    );
  }
  if (isOnnxFolder([...Object.keys(files), ...Object.keys(graphsOf(folder))]))
    throw new LabError('bad_input', whyNotTrained(basename(folder)));
  const init = await checkpointAt(folder);
  const isRunModel = basename(folder) === 'model' && existsSync(join(folder, '..', 'run.json'));
  const label = isRunModel ? basename(dirname(folder)) : basename(folder);
  if (!init) return { model: await openModelFolder(label, files), init };
  // The checkpoint's own weights come by `init`; a value head belongs to the run that trained it.
  delete files['value_head.safetensors'];
  return { model: await openModelFolder(`${init.run}/${label}`, files), init };
}

/** A model that is only asked: by the same names, or the folder of one in ONNX (model.onnx there or in onnx/). */
export async function openAskedModel(name: string, io: Io): Promise<AnyModel> {
  if (!isFolder(name)) {
    return isHubName(name) ? openHubModel(name, io, 'ask') : (await openModel(name, io)).model;
  }
  const folder = resolve(name);
  const files = { ...filesOf(folder), ...graphsOf(folder) };
  if (isOnnxFolder(Object.keys(files))) return openAnyFolder(basename(folder), files);
  return (await openModel(name, io)).model;
}

/** The files of a folder, to be read by ranges. */
function filesOf(folder: string): Record<string, ByteSource> {
  const files = readdirSync(folder).filter((file) => statSync(join(folder, file)).isFile());
  return Object.fromEntries(files.map((file) => [file, fileSource(join(folder, file))]));
}

/** What lies in a folder's onnx/, where transformers.js has its graphs. */
const graphsOf = (folder: string): Record<string, ByteSource> =>
  isFolder(join(folder, 'onnx')) ? filesOf(join(folder, 'onnx')) : {};

/** The record of the run that a model folder belongs to: RUN, RUN/model or RUN/checkpoints/40. */
export async function recordOf(name: string): Promise<RunRecord | undefined> {
  if (!isFolder(name)) return undefined;
  const run = [name, join(name, '..'), join(name, '..', '..')].find((folder) =>
    existsSync(join(folder, 'run.json')),
  );
  return run === undefined ? undefined : readRecord(new NodeFolder(run));
}

/** Bundled models by name. */
export function bundledModels(): string[] {
  const folder = join(packageRoot(), 'public/models');
  return isFolder(folder) ? readdirSync(folder).filter((name) => isFolder(join(folder, name))) : [];
}

function modelFolder(name: string): string {
  if (isFolder(name)) return existsSync(join(name, 'run.json')) ? join(name, 'model') : name;
  const bundled = bundledModels();
  if (bundled.includes(name)) return join(packageRoot(), 'public/models', name);
  throw new LabError(
    'bad_input',
    `There is no model folder "${name}". Give the folder of a Hugging Face model, of a run, owner/name of one on ` +
      `the Hub, or the name of a bundled model: ${bundled.join(', ')}.`,
  );
}

/** Whether a folder is a run, or a model or checkpoint of one. */
export const isOfRun = (name: string): boolean =>
  [name, join(name, '..'), join(name, '..', '..')].some((folder) => existsSync(join(folder, 'run.json')));

/** A checkpoint's folder and where it comes from, when it lies in a run's checkpoints/. */
export async function checkpointAt(folder: string): Promise<InitCheckpoint | null> {
  const run = join(folder, '..', '..');
  if (basename(dirname(folder)) !== 'checkpoints' || !existsSync(join(run, 'run.json'))) return null;
  const { id } = await readRecord(new NodeFolder(run));
  return { run: id, checkpoint: basename(folder), files: filesOf(folder) };
}
