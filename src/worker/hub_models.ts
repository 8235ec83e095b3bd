import { LabError } from '../errors';
import type { Gpu } from '../gpu/device';
import { download, neededFiles, type DownloadProgress } from '../hub/download';
import { openZippedModel } from '../hub/dropped_zip';
import { Hub, type HubFile, type Repository } from '../hub/hub';
import { folderName, Library, presentBytes, readManifest, type StoredModel } from '../hub/library';
import { onnxVariants } from '../hub/onnx_variants';
import { parseRepository } from '../hub/repository';
import { blobSource } from '../model/byte_source';
import { parseModelConfig } from '../model/config';
import {
  isOnnxFile,
  isOnnxFolder,
  openAnyFolder,
  parseOnnxConfig,
  whyNotTrained,
  type AnyModel,
} from '../model/onnx_folder';
import { parameterCount } from '../model/parameters';
import { memoryNeeds } from '../recipes/needs';
import { openModelStore } from './opfs_models';
import type { Event, HubRequest, ModelLookup } from './protocol';

const INTERVAL_MS = 100;
/** Folders of unpacked .zip files; they last as long as the page. */
const UNPACKED = 'unpacked-';

/** Models of the Hub: looked up, downloaded, paused, listed, deleted, opened; and models packed as .zip. */
export class HubModels {
  private library: Promise<Library> | undefined;
  private readonly live = new Map<string, AbortController>();
  private zips = 0;

  constructor(
    private readonly post: (event: Event) => void,
    private readonly openGpu: () => Promise<Gpu>,
  ) {}

  /** What a repository holds and takes: nothing but config.json is downloaded. */
  async look(request: HubRequest): Promise<ModelLookup> {
    const name = parseRepository(request.repository);
    const hub = hubOf(request);
    const repository = await hub.look(name);
    const { id, revision, gated } = repository;
    const { store } = await this.opened();
    const facts = { id, asked: name.revision, revision, gated, room: (await store.room()) ?? null };
    try {
      const isOnnx = isOnnxFolder(repository.files.map(({ path }) => path));
      const variants = isOnnx ? onnxVariants(repository.files) : [];
      const variant = isOnnx ? (request.file ?? name.file ?? variants[0]?.file) : undefined;
      const files = neededFiles(repository, variant);
      const folder = folderName(id, revision, variant);
      const config: unknown = JSON.parse(new TextDecoder().decode(await hub.read(repository, 'config.json')));
      return {
        ...facts,
        ...listed(files),
        folder,
        present: await presentBytes(await store.folder(folder), files),
        ...(isOnnx ? this.graphFacts(id, files, config) : await this.weightFacts(config)),
        variants: variants.map(({ file, bytes }) => ({ file, bytes })),
        file: variant ?? null,
        refusal: null,
      };
    } catch (error) {
      if (!(error instanceof LabError) || error.code !== 'bad_input') throw error;
      const nothing = { architecture: null, parameters: null, needs: [], variants: [], untrainable: null };
      const folder = folderName(id, revision);
      return {
        ...facts,
        ...listed(repository.files),
        ...nothing,
        folder,
        present: 0,
        file: null,
        refusal: error.message,
      };
    }
  }

  private async weightFacts(json: unknown): Promise<Facts> {
    const config = parseModelConfig(json);
    const needs = await this.openGpu().then(
      (gpu) => memoryNeeds(gpu, config),
      () => [],
    );
    const { architecture } = config;
    return { architecture, parameters: parameterCount(config), needs, untrainable: null };
  }

  /** Of an ONNX graph only its file says what it takes: onnxruntime-web has its own plan. */
  private graphFacts(id: string, files: readonly HubFile[], json: unknown): Facts {
    const { architecture } = parseOnnxConfig(json as Record<string, unknown>);
    const bytes = files.filter(({ path }) => isOnnxFile(path)).reduce((sum, { size }) => sum + size, 0);
    const needs = [{ label: 'or more to ask it, on onnxruntime-web', bytes, fits: true }];
    return { architecture, parameters: null, needs, untrainable: whyNotTrained(id) };
  }

  /** Downloads a repository at a commit, or goes on with it; null when it was paused. */
  async download(request: HubRequest): Promise<StoredModel | null> {
    const name = parseRepository(request.repository);
    const variant = request.file ?? undefined;
    const library = await this.opened();
    const folder = folderName(name.id, name.revision, variant);
    if (this.live.has(folder)) throw new LabError('bad_input', `${name.id} is being downloaded already.`);
    const control = new AbortController();
    this.live.set(folder, control);
    const progress = paced((state) => this.post({ type: 'model_download', folder, ...state }));
    try {
      const hub = hubOf(request);
      const manifest = await readManifest(await library.store.folder(folder));
      const repository: Repository = manifest ? { ...manifest, gated: false } : await hub.look(name);
      const done = await download(hub, repository, library.store, progress, control.signal, variant);
      if (done === undefined) return null;
      return (await library.list()).find((model) => model.folder === done) ?? null;
    } finally {
      this.live.delete(folder);
    }
  }

  pause(folder: string): void {
    this.live.get(folder)?.abort();
  }

  async list(): Promise<StoredModel[]> {
    return (await this.opened()).list();
  }

  /** Errors: `bad_input` while it is being downloaded. */
  async remove(folder: string): Promise<void> {
    if (this.live.has(folder))
      throw new LabError('bad_input', 'This model is being downloaded. Pause it, then delete it.');
    await (await this.opened()).remove(folder);
  }

  async open(folder: string): Promise<AnyModel> {
    return (await this.opened()).open(folder);
  }

  /** A model packed as a .zip; what is deflated in it is unpacked into the store. */
  async openZip(name: string, file: Blob): Promise<AnyModel> {
    const { store } = await this.opened();
    const folder = await store.folder(`${UNPACKED}${Date.now()}-${++this.zips}`);
    return openAnyFolder(name.replace(/\.zip$/i, ''), await openZippedModel(blobSource(file, name), folder));
  }

  private opened(): Promise<Library> {
    this.library ??= openModelStore().then(async (store) => {
      // Left by a page that is closed.
      for (const folder of await store.folders())
        if (folder.startsWith(UNPACKED)) await store.remove(folder).catch(() => undefined);
      return new Library(store);
    });
    return this.library;
  }
}

type Facts = Pick<ModelLookup, 'architecture' | 'parameters' | 'needs' | 'untrainable'>;

const listed = (files: readonly HubFile[]): Pick<ModelLookup, 'files' | 'bytes'> => ({
  files: files.map(({ path, size }) => ({ path, size })),
  bytes: files.reduce((sum, { size }) => sum + size, 0),
});

const hubOf = ({ server, token }: HubRequest): Hub =>
  new Hub({ url: server ?? undefined, token: token ?? undefined });

/** At most ten calls a second, and the last. */
function paced(tell: (state: DownloadProgress) => void): (state: DownloadProgress) => void {
  let told = 0;
  return (state) => {
    const now = performance.now();
    if (now - told < INTERVAL_MS && state.done < state.total) return;
    told = now;
    tell(state);
  };
}
