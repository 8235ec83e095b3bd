import { LabError } from '../errors';
import { blobSource, readAll, type ByteSource } from '../model/byte_source';
import type { FileContent, RunFolder } from '../runs/run';

/** Every browser with WebGPU can move a file of OPFS, onto another if need be (https://github.com/whatwg/fs/pull/10). */
interface Movable extends FileSystemFileHandle {
  move(folder: FileSystemDirectoryHandle, name: string): Promise<void>;
}

const parts = (path: string): string[] => path.split('/').filter(Boolean);

/**
 * A run's files in the browser's private file system (OPFS), from a worker. Errors of the browser (no room left, access
 * refused) become `out_of_memory` and `unsupported`, in a sentence.
 */
export class OpfsFolder implements RunFolder {
  constructor(private readonly root: FileSystemDirectoryHandle) {}

  async write(path: string, content: FileContent): Promise<void> {
    await this.put(path, content, false);
  }

  async append(path: string, text: string): Promise<void> {
    await this.put(path, new TextEncoder().encode(text), true);
  }

  async read(path: string): Promise<Uint8Array> {
    return readAll(await this.open(path));
  }

  async open(path: string): Promise<ByteSource> {
    const file = await this.file(path, false);
    if (!file) throw new LabError('bad_input', `The run has no file ${path}.`);
    return blobSource(await file.getFile(), path);
  }

  async exists(path: string): Promise<boolean> {
    return (await this.file(path, false)) !== undefined;
  }

  async list(): Promise<string[]> {
    return (await walk(this.root, '')).sort();
  }

  async remove(path: string): Promise<void> {
    const parent = await this.directory(parts(path).slice(0, -1), false);
    const name = parts(path).at(-1);
    if (!parent || !name) return;
    try {
      await whenFree(() => parent.removeEntry(name, { recursive: true }));
    } catch (error) {
      if (!isMissing(error)) throw storageError(error, path);
    }
  }

  /** OPFS renames files, not folders: those move file by file, and a reader sees each under one of its two names. */
  async rename(from: string, to: string): Promise<void> {
    const file = await this.file(from, false);
    if (file) return this.move(file, to);
    const folder = await this.directory(parts(from), false);
    if (!folder) throw new LabError('bad_input', `The run has no file or folder ${from}.`);
    for (const path of await walk(folder, '')) {
      const moved = await this.file(`${from}/${path}`, false);
      if (moved) await this.move(moved, `${to}/${path}`);
    }
    await this.remove(from);
  }

  private async move(file: Movable, to: string): Promise<void> {
    const folder = await this.directory(parts(to).slice(0, -1), true);
    const name = parts(to).at(-1);
    if (!folder || !name) throw new LabError('bug', `${to} is no name of a file`);
    try {
      await whenFree(() => file.move(folder, name));
    } catch (error) {
      throw storageError(error, to);
    }
  }

  private async put(path: string, content: FileContent, append: boolean): Promise<void> {
    const file = await this.file(path, true);
    if (!file) throw new LabError('bug', `${path} is no name of a file`);
    try {
      const access = await whenFree(() => file.createSyncAccessHandle());
      try {
        if (!append) access.truncate(0);
        let at = append ? access.getSize() : 0;
        for await (const bytes of content instanceof Uint8Array ? [content] : content()) {
          const written = access.write(bytes, { at });
          if (written < bytes.length) throw new DOMException('no room', 'QuotaExceededError');
          at += written;
        }
        access.flush();
      } finally {
        access.close();
      }
    } catch (error) {
      throw storageError(error, path);
    }
  }

  private async directory(
    names: readonly string[],
    create: boolean,
  ): Promise<FileSystemDirectoryHandle | undefined> {
    let folder = this.root;
    try {
      for (const name of names) folder = await folder.getDirectoryHandle(name, { create });
    } catch (error) {
      if (!create && isMissing(error)) return undefined;
      throw storageError(error, names.join('/'));
    }
    return folder;
  }

  private async file(path: string, create: boolean): Promise<Movable | undefined> {
    const folder = await this.directory(parts(path).slice(0, -1), create);
    const name = parts(path).at(-1);
    if (!folder || !name) return undefined;
    try {
      return (await folder.getFileHandle(name, { create })) as Movable;
    } catch (error) {
      if (!create && isMissing(error)) return undefined;
      throw storageError(error, path);
    }
  }
}

async function walk(folder: FileSystemDirectoryHandle, prefix: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const [name, handle] of folder.entries()) {
    if (handle.kind === 'directory')
      paths.push(...(await walk(handle as FileSystemDirectoryHandle, `${prefix}${name}/`)));
    else paths.push(prefix + name);
  }
  return paths;
}

const isMissing = (error: unknown): boolean =>
  error instanceof DOMException && (error.name === 'NotFoundError' || error.name === 'TypeMismatchError');

const isHeld = (error: unknown): boolean =>
  error instanceof DOMException && error.name === 'NoModificationAllowedError';

const [TRIES, PAUSE_MS] = [50, 20];

/**
 * Tries again for a second while something else holds the file: another tab that looks at the run, or the browser itself,
 * which lets go of a closed file a moment later.
 */
async function whenFree<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries === TRIES || !isHeld(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

function storageError(error: unknown, path: string): unknown {
  if (isHeld(error)) {
    return new LabError(
      'unsupported',
      `The run's file ${path} is in use, perhaps by the lab in another tab. Close that tab and start again; what was ` +
        'written before is kept.',
      { cause: error },
    );
  }
  if (error instanceof DOMException && error.name === 'QuotaExceededError') {
    return new LabError(
      'out_of_memory',
      'The browser gives this page no more room to save runs. Export and delete older runs, then go on.',
      { cause: error },
    );
  }
  return error;
}
