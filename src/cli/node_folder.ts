import { createWriteStream } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LabError } from '../errors';
import { checkPath } from '../runs/paths';
import type { FileContent, RunFolder, StoredFile } from '../runs/run';
import { fileSource, reasonOf } from './files';

/** A run's folder on disk. */
export class NodeFolder implements RunFolder {
  constructor(readonly root: string) {}

  async write(path: string, content: FileContent): Promise<void> {
    await this.change(path, async (file) =>
      content instanceof Uint8Array
        ? writeFile(file, content)
        : pipeline(Readable.from(content()), createWriteStream(file)),
    );
  }

  async append(path: string, text: string): Promise<void> {
    await this.change(path, async (file) => appendFile(file, text));
  }

  async read(path: string): Promise<Uint8Array> {
    try {
      return new Uint8Array(await readFile(this.at(path)));
    } catch (cause) {
      throw new LabError('bad_input', `${this.at(path)} cannot be read: ${reasonOf(cause)}.`, { cause });
    }
  }

  async open(path: string): Promise<StoredFile> {
    if (!(await this.exists(path))) throw new LabError('bad_input', `The run has no file ${this.at(path)}.`);
    return fileSource(this.at(path));
  }

  async exists(path: string): Promise<boolean> {
    return (await stat(this.at(path)).catch(() => undefined)) !== undefined;
  }

  async list(): Promise<string[]> {
    const entries = await readdir(this.root, { recursive: true, withFileTypes: true }).catch(() => []);
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(this.root, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .sort();
  }

  async remove(path: string): Promise<void> {
    await this.change(path, async (file) => rm(file, { recursive: true, force: true }));
  }

  async rename(from: string, to: string): Promise<void> {
    await this.change(to, async (file) => rename(this.at(from), file));
  }

  private at(path: string): string {
    return join(this.root, checkPath(path));
  }

  private async change(path: string, work: (file: string) => Promise<void>): Promise<void> {
    const file = this.at(path);
    try {
      await mkdir(dirname(file), { recursive: true });
      await work(file);
    } catch (cause) {
      if (cause instanceof LabError) throw cause;
      throw new LabError('bad_input', `${file} cannot be written: ${reasonOf(cause)}.`, { cause });
    }
  }
}
