import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gpu } from '../src/gpu/device';
import { openTestGpu } from '../src/gpu/testing';
import { allKernels } from '../src/kernels/all';
import { plainHeadSample } from '../src/kernels/lm_head_sample';
import { plainHeadScore } from '../src/kernels/lm_head_score';
import { pinChoices } from '../src/kernels/matmul';
import { plainMatmulKernels } from '../src/kernels/matmul_configurations';
import { matmulTable } from './matmul_table';
import { parseReport, type Figure } from './figure';
import { measureKernel } from './kernel_work';
import { runBench } from './run';
import { allShapes } from './shapes';
import { countSteady } from './steady';
import { GpuClock } from './timing';
import { allWorks } from './works/all';
import { kernelsOf } from './works/covered';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openTestGpu();
});
afterAll(() => gpu.close());

const read = async (path: string) => new Uint8Array(await readFile(join('public', path)));
const options = { models: [], versions: { lab: 'test' }, read };

test('the bench’s report on this adapter is one that the page opens', async () => {
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
});
const ONE: Figure = { name: 'one', value: 1, unit: 'ms', samples: 1 };

test.each([
  [{ chosen: ['two'] }, 'There is no suite two; there are roofline.'],
  [{ models: ['nano', 'gpt2'] }, 'There is no model gpt2; there are nano, mini, SmolLM2-135M, GPT-2'],
  [{ settings: { axis: 'batch,depth' } }, 'There is no axis depth; there are tokens'],
])('what there is not is refused before anything is measured: %j', async (asked, sentence) => {
  const onFigure = (): never => {
    throw new Error('it measured');
  };
  const bench = runBench(gpu, { ...options, suites: {}, chosen: [], onFigure, ...asked });
  await expect(bench).rejects.toThrow(sentence);
});

test('every kernel’s work runs on this adapter at the shapes of the smallest model, with a rate', async () => {
  const [nano] = await allShapes({ read, models: ['nano'] });
  if (!nano) throw new Error('nano is gone');
  const clock = new GpuClock(gpu);
  const roofs = { copy_gb_s: 1000, fma_gflop_s: 1e5, streams: ROOMY };
  const works = allWorks(nano, 64);
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

const ROOMY = [{ stream: 'copy', bytes: 1e6, gb_s: 1000 }] as const;

test('no kernel of the lab is without a figure, whichever design suits the adapter', async () => {
  const [nano] = await allShapes({ read, models: ['nano'] });
  if (!nano) throw new Error('nano is gone');
  const adapters = [
    { isSoftware: false },
    { isSoftware: true, subgroupSize: undefined },
    { isSoftware: true, subgroupSize: 4 },
  ];
  const measured = adapters.flatMap((facts) => {
    const other = Object.assign(Object.create(gpu) as Gpu, {
      facts: { ...gpu.facts, ...facts },
      choices: {},
    });
    return [...kernelsOf(allWorks(nano, 64), other)];
  });
  // Generated kernels do these on every adapter; the hand-written ones are their oracles.
  const oracles = [...Object.values(plainMatmulKernels), plainHeadSample, plainHeadScore].map(
    ({ name }) => name,
  );
  const missing = allKernels.filter(({ name }) =>
    oracles.includes(name)
      ? !measured.some((other) => other.startsWith(`${name}_`))
      : !measured.includes(name),
  );
  expect(missing.map(({ name }) => name)).toEqual([]);
});

test('the matmul table in force is named by what differs from the default', () => {
  const facts = { ...gpu.facts, isSoftware: false };
  const other = (): Gpu => Object.assign(Object.create(gpu) as Gpu, { facts, choices: {} });
  expect(matmulTable(other())).toBe('default');
  const tuned = other();
  pinChoices(tuned, { 'nn/many': 'tiled_32x32' });
  expect(matmulTable(tuned)).toBe('nn/many tiled_32x32');
});

test('counts of a steady step: nothing made, nothing waited for, the plan’s bytes, dispatches within bounds', async () => {
  const figures = new Map<string, number>();
  await countSteady({
    gpu,
    read,
    models: [],
    settings: {},
    roofs: { copy_gb_s: null, fma_gflop_s: null, streams: [] },
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
