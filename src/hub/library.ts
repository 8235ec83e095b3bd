import { LabError } from '../errors';
import { readAll, type ByteSource } from '../model/byte_source';
import { openAnyFolder, type AnyModel } from '../model/onnx_folder';
import type { HubFile } from './hub';
import type { ModelStore, StoredFolder } from './store';

const MANIFEST = 'download.json';

/** What a downloaded folder says of itself. */
export interface Manifest {
  format: 1;
  id: string;
  /** The commit. */
  revision: string;
  files: HubFile[];
  /** Paths of the files that are whole and were held against their hash. */
  whole: string[];
  /** ISO 8601. */
  started: string;
}

/** A downloaded model, whole or in part. */
export interface StoredModel {
  /** Its folder in the store. */
  folder: string;
  id: string;
  revision: string;
  /** Bytes of all its files, and of those that are here. */
  bytes: number;
  present: number;
  complete: boolean;
  started: string;
  /** The ONNX graph that it is; null for a model with weights. */
  file: string | null;
}

/** The folder of a repository at a commit, and of one of its ONNX graphs. */
export const folderName = (id: string, revision: string, variant?: string): string =>
  `${id}@${revision}${variant === undefined ? '' : `+${variant}`}`.replaceAll('/', '--');

/** The models that were downloaded. */
export class Library {
  constructor(readonly store: ModelStore) {}

  /** Every downloaded model, whole or in part, by name. */
  async list(): Promise<StoredModel[]> {
    const models: StoredModel[] = [];
    for (const name of await this.store.folders()) {
      const folder = await this.store.folder(name);
      const manifest = await readManifest(folder);
      if (manifest) models.push(await describe(name, folder, manifest));
    }
    return models.sort((a, b) => a.id.localeCompare(b.id) || a.started.localeCompare(b.started));
  }

  /** A downloaded model, with no connection needed. Errors: `bad_input` when it is not here whole. */
  async open(name: string): Promise<AnyModel> {
    const folder = await this.store.folder(name);
    const manifest = await readManifest(folder);
    if (!manifest)
      throw new LabError('bad_input', `The model ${name} is not here any more. Download it again.`);
    const { id, revision, files, whole } = manifest;
    if (whole.length < files.length) {
      throw new LabError('bad_input', `${id} is here only in part. Resume its download first.`);
    }
    const sources: Record<string, ByteSource> = {};
    for (const { path, sha256 } of files) {
      const source = await folder.open(path);
      sources[path] = { ...source, ...(sha256 ? { sha256 } : {}) };
    }
    const file = graphOf(files);
    return openAnyFolder(id, sources, { id, revision, ...(file ? { file } : {}) });
  }

  remove(name: string): Promise<void> {
    return this.store.remove(name);
  }
}

/** The manifest of a folder; undefined where there is none that can be read. */
export async function readManifest(folder: StoredFolder): Promise<Manifest | undefined> {
  if ((await folder.size(MANIFEST)) === undefined) return undefined;
  try {
    const bytes = await readAll(await folder.open(MANIFEST));
    const manifest = JSON.parse(new TextDecoder().decode(bytes)) as Manifest;
    return manifest.format === 1 ? manifest : undefined;
  } catch {
    // Cut off while it was written: the download starts it anew.
    return undefined;
  }
}

export async function writeManifest(folder: StoredFolder, manifest: Manifest): Promise<void> {
  await folder.remove(MANIFEST);
  const writer = await folder.writer(MANIFEST);
  try {
    await writer.append(new TextEncoder().encode(JSON.stringify(manifest)));
  } finally {
    await writer.close();
  }
}

/** Bytes of each file that are here. */
export async function presentBytes(folder: StoredFolder, files: readonly HubFile[]): Promise<number> {
  let present = 0;
  for (const { path, size } of files) present += Math.min(size, (await folder.size(path)) ?? 0);
  return present;
}

async function describe(name: string, folder: StoredFolder, manifest: Manifest): Promise<StoredModel> {
  const { id, revision, files, whole, started } = manifest;
  return {
    folder: name,
    id,
    revision,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    present: await presentBytes(folder, files),
    complete: whole.length === files.length,
    started,
    file: graphOf(files) ?? null,
  };
}

const graphOf = (files: readonly HubFile[]): string | undefined =>
  files.find(({ path }) => path.endsWith('.onnx'))?.path;
