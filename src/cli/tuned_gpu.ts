import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Gpu } from '../gpu/device';
import { pinChoices } from '../kernels/matmul';
import { isTable, tableKey, tunedChoices, type MatmulTable } from '../model/tuned';
import { cacheFolder } from './node_models';

const FILE = 'adapters.json';

/**
 * Pins the matmul table that is fastest on this GPU: measured once an adapter and version of the lab and kept in `folder`, as
 * the page keeps it in the browser. Where nothing can be kept, and on adapters that measure nothing, every time.
 */
export async function pinTuned(gpu: Gpu, folder = cacheFolder(), measure = tunedChoices): Promise<void> {
  const path = join(folder, FILE);
  const [key, kept] = [tableKey(gpu), await read(path)];
  const known = kept[key];
  if (isTable(known)) return pinChoices(gpu, known);
  const table = await measure(gpu);
  pinChoices(gpu, table);
  if (Object.keys(table).length === 0) return;
  try {
    await mkdir(folder, { recursive: true });
    const partial = `${path}.${process.pid}`;
    await writeFile(partial, `${JSON.stringify({ ...kept, [key]: table }, null, 2)}\n`);
    await rename(partial, path);
  } catch {
    // Measured again the next time.
  }
}

/** What is kept, by key: nothing where the file is missing or another thing. */
async function read(path: string): Promise<Record<string, MatmulTable | undefined>> {
  try {
    const json: unknown = JSON.parse(await readFile(path, 'utf8'));
    return typeof json === 'object' ? { ...json } : {};
  } catch {
    return {};
  }
}
