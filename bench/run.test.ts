import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gpu } from '../src/gpu/device';
import { openTestGpu } from '../src/gpu/testing';
import { parseReport, type Figure } from './figure';
import { measureKernel } from './kernel_work';
import { runBench } from './run';
import { allShapes } from './shapes';
import { countSteady } from './steady';
import { GpuClock } from './timing';
import { decodeWorks } from './works/decode';
import { headWorks } from './works/head';
import { layerWorks } from './works/layer';
import { matmulWorks } from './works/matmul';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openTestGpu();
});
afterAll(() => gpu.close());

const read = async (path: string) => new Uint8Array(await readFile(join('public', path)));
const options = { models: [], versions: { lab: 'test' }, read };

test('the bench’s report on this adapter is one that the page opens, and an unknown suite is refused', async () => {
  const seen: Figure[] = [];
  const suites = {
    one:
      async () =>
      async ({ report }: { report: (figure: Figure) => void }) =>
        report(ONE),
  };
  const report = await runBench(gpu, {
    ...options,
    suites,
    chosen: ['one'],
    onFigure: (figure) => seen.push(figure),
  });
  expect(parseReport(JSON.stringify(report))).toEqual(report);
  expect(Object.keys(report)).toEqual(['adapter', 'versions', 'roofline', 'figures']);
  expect(report.figures).toEqual(seen);
  expect(report.figures.at(-1)).toEqual(ONE);
  await expect(runBench(gpu, { ...options, suites, chosen: ['two'] })).rejects.toThrow(/no suite two/);
});
const ONE: Figure = { name: 'one', value: 1, unit: 'ms', samples: 1 };

test('every kernel’s work runs on this adapter at the shapes of the smallest model, with a rate', async () => {
  const [nano] = await allShapes({ read, models: ['nano'] });
  if (!nano) throw new Error('nano is gone');
  const clock = new GpuClock(gpu);
  const roofs = { copy_gb_s: 1000, fma_gflop_s: 1e5, copies: [] };
  const works = [
    ...matmulWorks(nano, 64),
    ...layerWorks(nano, 64),
    ...headWorks(nano, 64),
    ...decodeWorks(nano),
  ];
  const names = new Set<string>();
  for (const work of works) {
    const figure = await measureKernel(gpu, clock, roofs, 'nano', work, 1);
    expect(figure.value, figure.name).toBeGreaterThan(0);
    expect(figure.fraction_of_roof, figure.name).toBeGreaterThan(0);
    names.add(figure.name);
  }
  expect(names.size).toBe(works.length);
  clock.destroy();
  gpu.throwIfFailed();
});

test('counts of a steady step: nothing made, nothing waited for, the plan’s bytes, dispatches within bounds', async () => {
  const figures = new Map<string, number>();
  await countSteady({
    gpu,
    read,
    models: [],
    settings: {},
    roofs: { copy_gb_s: null, fma_gflop_s: null, copies: [] },
    report: ({ name, value }) => void figures.set(name, value),
    note: () => undefined,
  });
  expect(figures.get('steady/gpu_objects')).toBe(0);
  expect(figures.get('steady/blocking_readbacks')).toBe(0);
  expect(figures.get('bytes/allocated')).toBe(figures.get('bytes/planned'));
  for (const [phase, most] of [
    ['train', 28],
    ['decode', 7],
  ] as const) {
    expect(figures.get(`dispatches_per_layer/${phase}`)).toBeGreaterThan(3);
    expect(figures.get(`dispatches_per_layer/${phase}`)).toBeLessThanOrEqual(most);
  }
});
