import { LabError } from '../errors';
import type { RunFolder } from '../runs/run';

const parts = (path: string): string[] => path.split('/').filter(Boolean);

/**
 * A run's files in the browser's private file system (OPFS), from a worker. Errors of the browser (no room left, access
 * refused) become `out_of_memory` and `unsupported`, in a sentence.
 */
export class OpfsFolder implements RunFolder {
  constructor(private readonly root: FileSystemDirectoryHandle) {}

  async write(path: string, bytes: Uint8Array): Promise<void> {
    await this.put(path, bytes, false);
  }

  async append(path: string, text: string): Promise<void> {
    await this.put(path, new TextEncoder().encode(text), true);
  }

  async read(path: string): Promise<Uint8Array> {
    const file = await this.file(path, false);
    if (!file) throw new LabError('bad_input', `The run has no file ${path}.`);
    return new Uint8Array(await (await file.getFile()).arrayBuffer());
  }

  async exists(path: string): Promise<boolean> {
    return (await this.file(path, false)) !== undefined;
  }

  async list(): Promise<string[]> {
    return (await walk(this.root, '')).sort();
  }

  async remove(path: string): Promise<void> {
    const parent = await this.parent(path, false);
    const name = parts(path).at(-1);
    if (!parent || !name) return;
    try {
      await parent.removeEntry(name, { recursive: true });
    } catch (error) {
      if (!isMissing(error)) throw storageError(error);
    }
  }

  /** OPFS renames no folders, so files are copied, then removed; a reader sees the new folder only under its own name. */
  async rename(from: string, to: string): Promise<void> {
    const all = await this.list();
    const moved = all.filter((path) => path === from || path.startsWith(`${from}/`));
    for (const path of moved) await this.write(to + path.slice(from.length), await this.read(path));
    await this.remove(from);
  }

  private async put(path: string, bytes: Uint8Array, append: boolean): Promise<void> {
    try {
      const file = await this.file(path, true);
      const access = await file?.createSyncAccessHandle();
      if (!access) throw new Error(`${path} cannot be created`);
      try {
        if (!append) access.truncate(0);
        const at = append ? access.getSize() : 0;
        access.write(bytes, { at });
        access.flush();
      } finally {
        access.close();
      }
    } catch (error) {
      throw storageError(error);
    }
  }

  private async parent(path: string, create: boolean): Promise<FileSystemDirectoryHandle | undefined> {
    let folder = this.root;
    try {
      for (const part of parts(path).slice(0, -1)) folder = await folder.getDirectoryHandle(part, { create });
    } catch (error) {
      if (!create && isMissing(error)) return undefined;
      throw storageError(error);
    }
    return folder;
  }

  private async file(path: string, create: boolean): Promise<FileSystemFileHandle | undefined> {
    const folder = await this.parent(path, create);
    const name = parts(path).at(-1);
    if (!folder || !name) return undefined;
    try {
      return await folder.getFileHandle(name, { create });
    } catch (error) {
      if (!create && isMissing(error)) return undefined;
      throw storageError(error);
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

function storageError(error: unknown): unknown {
  if (error instanceof DOMException && error.name === 'QuotaExceededError') {
    return new LabError(
      'out_of_memory',
      'The browser gives this page no more room to save runs. Export and delete older runs, then go on.',
      { cause: error },
    );
  }
  return error;
}
