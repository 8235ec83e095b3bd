import { LabError } from '../errors';
import { checkPath, isInside } from './paths';
import type { FileContent, RunFolder, StoredFile } from './run';

/** A run's folder in memory: what an imported run is read from before it is kept, and what tests write to. */
export class MemoryFolder implements RunFolder {
  private readonly files = new Map<string, Uint8Array>();

  async write(path: string, content: FileContent): Promise<void> {
    checkPath(path);
    if (content instanceof Uint8Array) {
      this.files.set(path, content.slice());
      return;
    }
    const parts: Uint8Array[] = [];
    for await (const part of content()) parts.push(part.slice());
    this.files.set(path, joined(parts));
  }

  async append(path: string, text: string): Promise<void> {
    const before = this.files.get(checkPath(path)) ?? new Uint8Array();
    const added = new TextEncoder().encode(text);
    this.files.set(path, joined([before, added]));
  }

  async read(path: string): Promise<Uint8Array> {
    const bytes = this.files.get(path);
    if (!bytes) throw new LabError('bad_input', `The run has no file ${path}.`);
    return bytes.slice();
  }

  async open(path: string): Promise<StoredFile> {
    const bytes = await this.read(path);
    return { size: bytes.length, read: async (begin, end) => bytes.subarray(begin, end) };
  }

  async exists(path: string): Promise<boolean> {
    return [...this.files.keys()].some((file) => isInside(file, path));
  }

  async list(): Promise<string[]> {
    return [...this.files.keys()].sort();
  }

  async remove(path: string): Promise<void> {
    for (const file of [...this.files.keys()]) if (isInside(file, path)) this.files.delete(file);
  }

  async rename(from: string, to: string): Promise<void> {
    checkPath(to);
    const moved = [...this.files].filter(([file]) => isInside(file, from));
    if (moved.length === 0) throw new LabError('bad_input', `The run has no file or folder ${from}.`);
    await this.remove(to);
    for (const [file, bytes] of moved) {
      this.files.delete(file);
      this.files.set(to + file.slice(from.length), bytes);
    }
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
