import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Dataset } from '../data/dataset';
import { openDataset, refuseEmpty, type OpenOptions } from '../data/open';
import { isFolder, packageRoot, readInput } from './files';
import type { Io } from './io';

/**
 * Problems by the path of their file, or by a bundled level ("easy", "easy/test"; the training split unless it is said).
 * Bad rows are left out and counted on standard error. Errors: `bad_input` when there is nothing usable.
 */
export async function openData(path: string, io: Io, options: OpenOptions = {}): Promise<Dataset> {
  const bundled = bundledPath(path);
  const name = bundled ? path : basename(path);
  const dataset = await openDataset(name, await readInput(bundled ?? path), options);
  const nothing = refuseEmpty(dataset);
  if (nothing) throw nothing;
  if (dataset.bad.length > 0) {
    io.note(
      `${name}: ${dataset.bad.length} of ${dataset.rows} rows cannot be used and are left out (reft-lab data lists them)`,
    );
  }
  return dataset;
}

function bundledPath(path: string): string | undefined {
  if (existsSync(path)) return undefined;
  const problems = join(packageRoot(), 'public/problems');
  const whole = isFolder(join(problems, path)) ? `${path}/train` : path;
  const file = join(problems, `${whole}.jsonl`);
  return existsSync(file) ? file : undefined;
}
