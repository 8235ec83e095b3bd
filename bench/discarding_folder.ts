import { LabError } from '../src/errors';
import type { RunFolder } from '../src/runs/run';

/** Where a run writes when nobody will read it: names are kept, bytes are not, so that they weigh on no heap. */
export class DiscardingFolder implements RunFolder {
  private readonly paths = new Set<string>();

  async write(path: string): Promise<void> {
    this.paths.add(path);
  }

  async append(path: string): Promise<void> {
    this.paths.add(path);
  }

  async read(path: string): Promise<Uint8Array> {
    throw new LabError('bad_input', `${path} was not kept.`);
  }

  async open(path: string): Promise<never> {
    throw new LabError('bad_input', `${path} was not kept.`);
  }

  async exists(path: string): Promise<boolean> {
    return this.paths.has(path);
  }

  async list(): Promise<string[]> {
    return [...this.paths].sort();
  }

  async remove(path: string): Promise<void> {
    for (const known of this.paths)
      if (known === path || known.startsWith(`${path}/`)) this.paths.delete(known);
  }

  async rename(from: string, to: string): Promise<void> {
    for (const known of [...this.paths]) {
      if (known !== from && !known.startsWith(`${from}/`)) continue;
      this.paths.delete(known);
      this.paths.add(to + known.slice(from.length));
    }
  }
}
