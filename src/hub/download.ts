import { LabError } from '../errors';
import { pieces } from '../model/byte_source';
import { isModelFile } from '../model/folder';
import { Sha256 } from '../model/sha256';
import { SHARD_INDEX } from '../model/shard_index';
import { isOnnxFolder } from '../model/onnx_folder';
import type { Hub, HubFile, Repository } from './hub';
import { onnxVariants } from './onnx_variants';
import { folderName, readManifest, writeManifest, type Manifest } from './library';
import type { ModelStore, StoredFolder } from './store';

/** How far a download is, in bytes of all its files. */
export interface DownloadProgress {
  file: string;
  done: number;
  total: number;
}

/** Bytes that are gathered before they are written. */
const WRITTEN_AT_ONCE = 2 ** 18;

/**
 * The files of a repository that the lab needs, weights last. Sharded weights are taken only where there is no single file;
 * of one that holds only ONNX one graph, `variant` or the most exact, with the weights beside it.
 * Errors: `bad_input` when it holds no weights that the lab opens, or no tokenizer.json.
 */
export function neededFiles({ id, files }: Pick<Repository, 'id' | 'files'>, variant?: string): HubFile[] {
  const paths = files.map(({ path }) => path);
  const graph = isOnnxFolder(paths) ? graphOf(id, files, variant) : undefined;
  const single = paths.includes('model.safetensors');
  const has = (pattern: RegExp) => paths.some((path) => pattern.test(path));
  if (!graph && !single && !paths.includes(SHARD_INDEX)) {
    const others = has(/\.(bin|pt|pth)$/)
      ? 'pickled weights, which are not opened'
      : has(/\.gguf$/)
        ? 'GGUF files'
        : 'no weights';
    throw new LabError(
      'bad_input',
      `${id} holds ${others}; the lab trains from model.safetensors. Look for another revision or copy of it with safetensors.`,
    );
  }
  for (const name of ['config.json', 'tokenizer.json']) {
    if (!paths.includes(name)) {
      throw new LabError(
        'bad_input',
        `${id} has no ${name}, which the lab needs. Look for a copy of the model that has it.`,
      );
    }
  }
  if (graph) return [...files.filter(({ path }) => ONNX_COMPANIONS.includes(path)), ...graph];
  const isShard = (path: string) => path === SHARD_INDEX || /-of-\d+\.safetensors$/.test(path);
  return files
    .filter(({ path }) => isModelFile(path) && !path.startsWith('value_head') && !(single && isShard(path)))
    .filter(
      ({ path }) => !['vocab.json', 'merges.txt', 'tokenizer.model', 'added_tokens.json'].includes(path),
    )
    .sort(
      (a, b) =>
        Number(/\.safetensors$/.test(a.path)) - Number(/\.safetensors$/.test(b.path)) ||
        a.path.localeCompare(b.path),
    );
}

/** What is read beside a graph. */
const ONNX_COMPANIONS = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
];

/** The files of a graph. Errors: `bad_input` naming the graphs there are. */
function graphOf(id: string, files: readonly HubFile[], variant: string | undefined): HubFile[] {
  const variants = onnxVariants(files);
  const found = variant === undefined ? variants[0] : variants.find(({ file }) => file === variant);
  if (found) return found.files;
  const names = (variants.length ? variants.map(({ file }) => file) : files.map(({ path }) => path))
    .filter((path) => path.endsWith('.onnx'))
    .join(', ');
  throw new LabError(
    'bad_input',
    variants.length
      ? `${id} has no graph ${variant}. It has ${names}.`
      : `${id} holds only ONNX graphs that cannot begin a text (${names}). Look for a copy of it with model.onnx or model.safetensors.`,
  );
}

/**
 * Fetches the files a model needs into the store, going on from whatever is there; a file's hash is held against the
 * Hub's. An aborted `signal` pauses it: what has arrived is kept. Resolves with the name of its folder, or undefined when
 * it was paused. Errors: `bad_input` in a sentence; what has arrived is kept but for a file that came damaged.
 */
export async function download(
  hub: Hub,
  repository: Repository,
  store: ModelStore,
  progress: (state: DownloadProgress) => void,
  signal: AbortSignal,
  variant?: string,
): Promise<string | undefined> {
  const name = folderName(repository.id, repository.revision, variant);
  const folder = await store.folder(name);
  const manifest: Manifest = (await readManifest(folder)) ?? {
    format: 1,
    id: repository.id,
    revision: repository.revision,
    files: neededFiles(repository, variant),
    whole: [],
    started: new Date().toISOString(),
  };
  await writeManifest(folder, manifest);
  const total = manifest.files.reduce((sum, { size }) => sum + size, 0);
  let before = 0;
  for (const file of manifest.files) {
    if (!manifest.whole.includes(file.path)) {
      const tell = (bytes: number) => progress({ file: file.path, done: before + bytes, total });
      if (!(await fetchFile(hub, repository, folder, file, tell, signal))) return undefined;
      manifest.whole.push(file.path);
      await writeManifest(folder, manifest);
    }
    before += file.size;
    progress({ file: file.path, done: before, total });
  }
  return name;
}

/** Whether the file is whole; false when it was paused. */
async function fetchFile(
  hub: Hub,
  repository: Repository,
  folder: StoredFolder,
  file: HubFile,
  tell: (bytes: number) => void,
  signal: AbortSignal,
): Promise<boolean> {
  let hash = new Sha256();
  let have = (await folder.size(file.path)) ?? 0;
  if (have > file.size) {
    await folder.remove(file.path);
    have = 0;
  }
  if (have) for await (const piece of pieces(await folder.open(file.path))) hash.update(piece);
  tell(have);
  try {
    if (have < file.size || file.size === 0) {
      signal.throwIfAborted();
      const answer = await hub.open(repository, file.path, have, signal);
      if (answer.from < have) {
        await folder.remove(file.path);
        hash = new Sha256();
        have = 0;
      }
      const writer = await folder.writer(file.path);
      try {
        for await (const bytes of gathered(answer.body)) {
          await writer.append(bytes);
          hash.update(bytes);
          have += bytes.length;
          tell(have);
        }
      } finally {
        await writer.close();
      }
    }
  } catch (error) {
    if (signal.aborted) return false;
    throw lost(repository, file, have, error);
  }
  if (have !== file.size) throw lost(repository, file, have, undefined);
  if (file.sha256 !== undefined && hash.hex() !== file.sha256) {
    await folder.remove(file.path);
    throw new LabError(
      'bad_input',
      `${file.path} of ${repository.id} came damaged (its SHA-256 is not the Hub’s) and was deleted. Resume to fetch it again.`,
    );
  }
  return true;
}

/** A stream in larger pieces. What came before a stream broke is given before it throws. */
async function* gathered(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  const held = new Uint8Array(WRITTEN_AT_ONCE);
  let length = 0;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      for (let bytes = value; bytes.length;) {
        const taken = bytes.subarray(0, held.length - length);
        held.set(taken, length);
        length += taken.length;
        bytes = bytes.subarray(taken.length);
        if (length < held.length) continue;
        yield held;
        length = 0;
      }
    }
  } catch (error) {
    if (length) yield held.subarray(0, length);
    throw error;
  } finally {
    // Whoever stops in the middle needs no more of it.
    await reader.cancel().catch(() => undefined);
  }
  if (length) yield held.subarray(0, length);
}

function lost({ id }: Repository, { path, size }: HubFile, have: number, cause: unknown): LabError {
  if (cause instanceof LabError) return cause;
  return new LabError(
    'bad_input',
    `The connection broke at ${have} of ${size} bytes of ${path} of ${id}. What has arrived is kept: resume to go on from there.`,
    { cause },
  );
}
