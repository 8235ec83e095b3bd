import { IDBFactory } from 'fake-indexeddb';
import 'fake-indexeddb/auto';
import { expect, test } from 'vitest';
import { openNodeGpu } from '../cli/node_gpu';
import type { Gpu } from '../gpu/device';
import { defaultChoices } from '../kernels/matmul';
import { tuneMatmuls } from '../kernels/tuner';
import { openTunedGpu } from './tuned_gpu';

test('what the tuner measures is pinned, and kept for the next device of the same adapter', async () => {
  let measured = 0;
  const measure = async (gpu: Gpu): Promise<Record<string, string>> => {
    measured += 1;
    const table = await tuneMatmuls(gpu, [{ layout: 'nt', M: 32, N: 64, K: 32 }], 2000);
    // As if another version of the lab had measured: a name that is no configuration any more.
    return { ...table, 'nt/few': 'direct_of_old' };
  };
  const first = await openTunedGpu(await openNodeGpu(), measure);
  const second = await openTunedGpu(await openNodeGpu(), measure);
  expect(measured).toBe(1);
  expect(second.choices).toEqual(first.choices);
  const { 'nt/few': few } = defaultChoices(first.facts);
  expect(Object.keys(first.choices)).toEqual(Object.keys(defaultChoices(first.facts)));
  expect(first.choices['nt/few']).toBe(few);
  first.close();
  second.close();
});

test('an adapter that runs on the CPU keeps the default table', async () => {
  globalThis.indexedDB = new IDBFactory();
  const gpu = await openTunedGpu(await openNodeGpu());
  if (gpu.facts.isSoftware) expect(gpu.choices).toEqual(defaultChoices(gpu.facts));
  expect(Object.keys(gpu.choices)).toEqual(Object.keys(defaultChoices(gpu.facts)));
  gpu.close();
});
