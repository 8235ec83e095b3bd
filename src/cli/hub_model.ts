import { LabError } from '../errors';
import { mib } from '../gpu/arena';
import { download, neededFiles } from '../hub/download';
import { Hub } from '../hub/hub';
import { folderName, Library, presentBytes } from '../hub/library';
import { onnxVariants } from '../hub/onnx_variants';
import { parseRepository } from '../hub/repository';
import { parseModelConfig } from '../model/config';
import { isOnnxFolder, parseOnnxConfig, whyNotTrained, type AnyModel } from '../model/onnx_folder';
import { parameterCount } from '../model/parameters';
import { Stopped } from './interrupt';
import type { Io } from './io';
import { modelCache, NodeModelStore } from './node_models';
import { secondsLeft } from './progress';

/** Whether a name that is no folder may be one of the Hub's: it has an owner, or is an address. */
export const isHubName = (name: string): boolean => /^(https?:\/\/|[\w.-]+\/[\w.-]+(@[^/]+)?$)/.test(name);

/**
 * A model of the Hub as `owner/name`, `owner/name@revision` or its address: fetched once into the cache, going on from what is
 * there, then opened from it. Of a repository that holds only ONNX the most exact graph, or the one whose page is given, and
 * only to be asked. One that is named by its commit and is here needs no connection. HF_ENDPOINT names another
 * server, HF_TOKEN opens gated models. Errors: `bad_input` in a sentence, `Stopped` after Ctrl-C.
 */
export async function openHubModel(text: string, io: Io, use: 'train' | 'ask' = 'train'): Promise<AnyModel> {
  const name = parseRepository(text);
  const library = new Library(new NodeModelStore(modelCache()));
  const stored = (await library.list()).find(
    ({ id, revision, complete, file }) =>
      complete &&
      id === name.id &&
      revision === name.revision &&
      (name.file === undefined || name.file === file),
  );
  if (stored) return library.open(stored.folder);
  const hub = new Hub({ url: process.env.HF_ENDPOINT, token: process.env.HF_TOKEN });
  const repository = await hub.look(name).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LabError('bad_input', `There is no model folder "${text}" here. ${reason}`, { cause });
  });
  const isOnnx = isOnnxFolder(repository.files.map(({ path }) => path));
  if (isOnnx && use === 'train') throw new LabError('bad_input', whyNotTrained(repository.id));
  const variant = isOnnx ? (name.file ?? onnxVariants(repository.files)[0]?.file) : undefined;
  const folder = folderName(repository.id, repository.revision, variant);
  const files = neededFiles(repository, variant);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  const present = await presentBytes(await library.store.folder(folder), files);
  if (present < total) await tell(library, hub, repository, variant, total - present, io);
  const bar = io.progress();
  const started = Date.now();
  try {
    const done = await download(
      hub,
      repository,
      library.store,
      (state) =>
        bar.update({
          done: Math.round(state.done / 2 ** 20),
          total: Math.round(state.total / 2 ** 20),
          label: 'MiB',
          secondsLeft: secondsLeft(started, Date.now(), state.done - present, state.total - present),
          detail: state.file,
        }),
      io.signal,
      variant,
    );
    if (done === undefined) {
      throw new Stopped(
        `Stopped; what arrived of ${name.id} is kept, and the same command goes on from there.`,
      );
    }
    return await library.open(done);
  } finally {
    bar.end();
  }
}

/** Says what is about to be fetched. Errors: `bad_input` for an architecture the lab does not know, and for a full disk. */
async function tell(
  { store }: Library,
  hub: Hub,
  repository: Awaited<ReturnType<Hub['look']>>,
  variant: string | undefined,
  missing: number,
  io: Io,
): Promise<void> {
  const { id, revision } = repository;
  const json = JSON.parse(new TextDecoder().decode(await hub.read(repository, 'config.json'))) as Record<
    string,
    unknown
  >;
  if (variant !== undefined) parseOnnxConfig(json);
  const weights =
    variant === undefined
      ? `its weights take ${mib(4 * parameterCount(parseModelConfig(json)))} on the GPU as f32`
      : `of its graphs ${variant}`;
  const room = await store.room();
  if (room !== undefined && room < missing) {
    throw new LabError(
      'bad_input',
      `${id} takes ${mib(missing)} and the disk has ${mib(room)} left. Make room, or set REFT_LAB_CACHE.`,
    );
  }
  io.note(`${id} at commit ${revision}: ${mib(missing)} to download into ${modelCache()}; ${weights}.`);
}
