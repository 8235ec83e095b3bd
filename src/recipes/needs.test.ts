import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gpu } from '../gpu/device';
import { openTestGpu } from '../gpu/testing';
import { parseModelConfig } from '../model/config';
import { openModelFolder } from '../model/folder';
import { Policy } from '../model/policy';
import { fit } from './fit';
import { demandsOf, memoryNeeds } from './needs';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openTestGpu({ defaultLimits: true });
});
afterAll(() => gpu.close());

const NAMES = ['config.json', 'tokenizer.json', 'model.safetensors'];
const files = Object.fromEntries(
  NAMES.map((name) => [name, new Uint8Array(readFileSync(`public/models/nano/${name}`))]),
);

test('what is said before the download is what is then allocated', async () => {
  const { config, weights } = await openModelFolder('nano', files);
  const needs = memoryNeeds(gpu, config);
  const demands = demandsOf(config);
  expect(needs.map(({ label }) => label)).toEqual(demands.map(([label]) => label));
  for (const [i, [, demand]] of demands.entries()) {
    const capacity = fit(gpu, demand, Infinity)?.capacity;
    if (!capacity) throw new Error('nano does not fit');
    const policy = await Policy.open(gpu, config, weights, capacity, demand.options);
    const allocated = Object.values(policy.bytes).reduce((sum, bytes) => sum + bytes, 0);
    expect(needs[i]).toMatchObject({ bytes: allocated, fits: true });
    policy.destroy();
  }
  const [ask = 0, lora = 0, all = 0] = needs.map(({ bytes }) => bytes);
  expect(ask).toBeLessThan(lora);
  expect(lora).toBeLessThan(all);
});

test('a model that cannot be bound is said not to fit', () => {
  const json = JSON.parse(new TextDecoder().decode(files['config.json'])) as object;
  // One matrix of 4 GiB, which nothing cuts in pieces.
  const config = parseModelConfig({ ...json, intermediate_size: 2 ** 24 });
  expect(memoryNeeds(gpu, config).map(({ fits }) => fits)).toEqual([false, false, false]);
});
