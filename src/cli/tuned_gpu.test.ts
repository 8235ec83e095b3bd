import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestGpu } from '../gpu/testing';
import { defaultChoices } from '../kernels/matmul';
import { pinTuned } from './tuned_gpu';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tuned-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Pins a GPU's table in a new folder inside `folder`, or one that is there; how often it measured. */
async function pin(name: string, table: (preset: Record<string, string>) => Record<string, string>) {
  const gpu = await openTestGpu();
  let measured = 0;
  await pinTuned(gpu, join(folder, name), async ({ facts }) => {
    measured += 1;
    return table(defaultChoices(facts));
  });
  const { choices, facts } = gpu;
  gpu.close();
  return { choices, measured, preset: defaultChoices(facts) };
}
const swapped = (preset: Record<string, string>) => ({ ...preset, 'nt/few': preset['nt/many'] ?? '' });

test('a table is measured once an adapter, and pinned from then on', async () => {
  const first = await pin('kept', swapped);
  expect([first.measured, first.choices]).toEqual([1, swapped(first.preset)]);
  expect(await pin('kept', () => ({}))).toMatchObject({ measured: 0, choices: first.choices });
  expect(await readdir(join(folder, 'kept'))).toEqual(['adapters.json']);
});

test('what cannot be read is measured again; what measures nothing leaves no file', async () => {
  await pin('broken', swapped);
  await writeFile(join(folder, 'broken', 'adapters.json'), '{');
  expect(await pin('broken', swapped)).toMatchObject({ measured: 1 });
  expect(await pin('broken', swapped)).toMatchObject({ measured: 0 });
  const { choices, preset } = await pin('nothing', () => ({}));
  expect(choices).toEqual(preset);
  await expect(readdir(join(folder, 'nothing'))).rejects.toThrow('ENOENT');
});
