import { existsSync } from 'node:fs';
import { mkdir, open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { LabError } from '../errors';
import type { ModelStore, StoredFolder } from '../hub/store';
import { fileSource, reasonOf } from './files';

/** What the lab keeps between commands: REFT_LAB_CACHE, else its place in the cache folder of the person. */
export const cacheFolder = (): string =>
  process.env.REFT_LAB_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'reft-lab');

/** Where downloaded models lie. */
export const modelCache = (): string => join(cacheFolder(), 'models');

/** Downloaded models on disk, a folder each. Errors: `bad_input` saying why a file cannot be written. */
export class NodeModelStore implements ModelStore {
  constructor(private readonly root: string) {}

  async folders(): Promise<string[]> {
    const entries = await readdir(this.root, { withFileTypes: true }).catch(() => []);
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }

  async folder(name: string): Promise<StoredFolder> {
    const at = (file: string) => join(this.root, name, file);
    return {
      size: async (file) => (await stat(at(file)).catch(() => undefined))?.size,
      open: async (file) => {
        if (!existsSync(at(file))) throw new LabError('bad_input', `${name} has no file ${file}.`);
        return fileSource(at(file));
      },
      writer: async (file) =>
        writing(at(file), async () => {
          await mkdir(dirname(at(file)), { recursive: true });
          const handle = await open(at(file), 'a');
          return {
            append: (bytes) => writing(at(file), async () => void (await handle.write(bytes))),
            close: () => handle.close(),
          };
        }),
      remove: (file) => writing(at(file), () => rm(at(file), { force: true })),
    };
  }

  async remove(name: string): Promise<void> {
    await writing(name, () => rm(join(this.root, name), { recursive: true, force: true }));
  }

  async room(): Promise<number | undefined> {
    const free = await statfs(existsSync(this.root) ? this.root : homedir()).catch(() => undefined);
    return free && free.bavail * free.bsize;
  }
}

async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new LabError('bad_input', `${path} cannot be written: ${reasonOf(cause)}.`, { cause });
  }
}
