import { LabError } from '../errors';
import { MemoryStore, type FileWriter, type ModelStore, type StoredFolder } from '../hub/store';
import { blobSource } from '../model/byte_source';

const FLUSH_BYTES = 8 * 2 ** 20;

/**
 * Downloaded models in the browser's private file system, from a worker; in memory where there is none (private windows of
 * some browsers). Nothing is opened before it is asked for.
 */
export async function openModelStore(): Promise<ModelStore> {
  try {
    const root = await navigator.storage.getDirectory();
    return new OpfsModelStore(await root.getDirectoryHandle('models', { create: true }));
  } catch {
    return new MemoryStore();
  }
}

class OpfsModelStore implements ModelStore {
  constructor(private readonly root: FileSystemDirectoryHandle) {}

  async folders(): Promise<string[]> {
    const names: string[] = [];
    for await (const [name, handle] of this.root.entries()) if (handle.kind === 'directory') names.push(name);
    return names;
  }

  async folder(name: string): Promise<StoredFolder> {
    /** Where a file lies, and its own name. */
    const place = async (path: string): Promise<[FileSystemDirectoryHandle, string]> => {
      let at = await this.root.getDirectoryHandle(name, { create: true });
      const parts = path.split('/');
      for (const part of parts.slice(0, -1)) at = await at.getDirectoryHandle(part, { create: true });
      return [at, parts.at(-1) ?? path];
    };
    const file = async (path: string): Promise<File | undefined> => {
      try {
        const [at, own] = await place(path);
        return await (await at.getFileHandle(own)).getFile();
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    };
    return {
      size: async (path) => (await file(path))?.size,
      open: async (path) => {
        const found = await file(path);
        if (!found) throw new LabError('bad_input', `${name} has no file ${path}.`);
        return blobSource(found, path);
      },
      writer: async (path) => {
        const [at, own] = await place(path);
        return openWriter(await at.getFileHandle(own, { create: true }), name);
      },
      remove: async (path) => {
        const [at, own] = await place(path);
        await at.removeEntry(own).catch(unlessMissing);
      },
    };
  }

  async remove(name: string): Promise<void> {
    await this.root.removeEntry(name, { recursive: true }).catch(unlessMissing);
  }

  async room(): Promise<number | undefined> {
    const { quota, usage } = await navigator.storage.estimate();
    return quota === undefined ? undefined : quota - (usage ?? 0);
  }
}

async function openWriter(handle: FileSystemFileHandle, model: string): Promise<FileWriter> {
  const access = await handle.createSyncAccessHandle().catch((cause: unknown) => {
    throw new LabError(
      'bad_input',
      `${model} is being written by another tab of the lab. Let it finish there, or close it and try again.`,
      { cause },
    );
  });
  let at = access.getSize();
  let unflushed = 0;
  return {
    append: async (bytes) => {
      try {
        const written = access.write(bytes, { at });
        if (written < bytes.length) throw new DOMException('no room', 'QuotaExceededError');
        at += written;
        unflushed += written;
        if (unflushed >= FLUSH_BYTES) {
          access.flush();
          unflushed = 0;
        }
      } catch (cause) {
        throw new LabError(
          'out_of_memory',
          'The browser gives this page no more room for models. Delete downloaded models or older runs, then resume.',
          { cause },
        );
      }
    },
    close: async () => {
      access.flush();
      access.close();
    },
  };
}

const isMissing = (error: unknown): boolean =>
  error instanceof DOMException && error.name === 'NotFoundError';

function unlessMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}
