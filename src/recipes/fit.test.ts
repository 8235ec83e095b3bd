import { readFileSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dataset } from '../data/dataset';
import { openDataset } from '../data/open';
import { GpuCounter } from '../gpu/counting';
import type { Gpu } from '../gpu/device';
import { openTestGpu } from '../gpu/testing';
import { openModelFolder, type LoadedModel } from '../model/folder';
import { MemoryFolder } from '../runs/memory_folder';
import type { RunRecord, SettingValue } from '../runs/run';
import { RunControl } from './control';
import { recipes } from './index';
import { planRun, type RunPlan } from './plan_run';
import { runSession } from './session';
import { resolveConfig } from './settings';

let gpu: Gpu;
let counter: GpuCounter;
let model: LoadedModel;
let problems: Dataset;
beforeAll(async () => {
  gpu = await openTestGpu({ defaultLimits: true });
  counter = new GpuCounter(gpu);
  const folder = 'public/models/nano';
  const files = readdirSync(folder).map((name) => [name, new Uint8Array(readFileSync(`${folder}/${name}`))]);
  model = await openModelFolder('nano', Object.fromEntries(files) as Record<string, Uint8Array>);
  const lines = readFileSync('public/problems/easy/train.jsonl', 'utf8').split('\n').slice(0, 24).join('\n');
  problems = await openDataset('train.jsonl', new TextEncoder().encode(lines));
});
afterAll(() => gpu.close());

const SHORT = { warmup_epochs: 0, max_steps: 1, batch_size: 8, mini_batch_size: 8, max_new_tokens: 64 };

const reft = (values: Record<string, SettingValue>) => {
  const recipe = recipes.find(({ id }) => id === 'reft');
  if (!recipe) throw new Error('there is no recipe reft');
  return { recipe, config: resolveConfig(recipe, undefined, { ...SHORT, ...values }) };
};
const plan = (values: Record<string, SettingValue> = {}): RunPlan =>
  planRun(gpu, model, problems.problems, [], reft(values).config);
const mib = (bytes: number): number => bytes / 2 ** 20;

async function run(values: Record<string, SettingValue>): Promise<RunRecord> {
  return runSession({
    gpu,
    model,
    ...reft(values),
    preset: 'test',
    dataset: problems,
    evalDataset: null,
    init: null,
    id: 'run',
    name: 'run',
    folder: new MemoryFolder(),
    control: new RunControl(),
    listener: {},
    audit: false,
    versions: {},
    programs: undefined,
    makeOnnxReference: undefined,
  });
}

test.each([false, true])(
  'a whole run makes buffers of exactly the planned bytes (activation_checkpointing %s)',
  async (activation_checkpointing) => {
    const before = counter.liveBytes;
    counter.take();
    const { status } = await run({ activation_checkpointing });
    expect(status).toBe('done');
    expect(counter.take().bytes).toBe(plan({ activation_checkpointing }).totalBytes);
    expect(counter.liveBytes).toBe(before);
  },
);

test('a budget is kept by working in smaller pieces; the run is the same', async () => {
  const whole = plan();
  const activations = whole.bytes['activations'] ?? 0;
  const max_memory_mib = Math.floor(mib(whole.totalBytes - activations / 2));
  const small = plan({ max_memory_mib });
  expect(mib(small.totalBytes)).toBeLessThanOrEqual(max_memory_mib);
  expect(small.capacity.tokens).toBeLessThan(whole.capacity.tokens);
  expect(small.capacity.context).toBe(whole.capacity.context);
  const [first, second] = [await run({}), await run({ max_memory_mib })];
  expect(second.status).toBe('done');
  expect(second.validation?.correct).toBe(first.validation?.correct);
});

describe('what does not fit is refused with the numbers and the settings that would fit', () => {
  const refusal = (values: Record<string, SettingValue>): string => {
    try {
      plan(values);
    } catch (error) {
      expect(error).toMatchObject({ code: 'out_of_memory' });
      return error instanceof Error ? error.message : '';
    }
    throw new Error('it was not refused');
  };

  test('a budget a little too small: each setting named does fit', () => {
    let [most, least] = [1, Math.ceil(mib(plan().totalBytes))];
    while (least - most > 1) {
      const middle = Math.floor((most + least) / 2);
      if (fits({ max_memory_mib: middle })) least = middle;
      else most = middle;
    }
    const message = refusal({ max_memory_mib: least - 1 });
    expect(message).toMatch(
      /needs at least [\d.]+ MiB on the GPU and [\d.]+ MiB are allowed\. It fits with .*\. The least: weights /,
    );
    const settings = [...message.matchAll(/(\w+) (\w+) \(([\d.]+ MiB)\)/g)];
    expect(settings.map(([, name]) => name)).toContain('activation_checkpointing');
    for (const [, name = '', value = '', bytes] of settings) {
      expect(mib(plan({ max_memory_mib: least - 1, [name]: value }).totalBytes).toFixed(1) + ' MiB').toBe(
        bytes,
      );
    }
  });

  test.each([0, 64])(
    'where no setting alone makes room, the few that do together (lora_rank %i)',
    (lora_rank) => {
      const values = { lora_rank, max_memory_mib: 5 };
      const [, list = '', bytes] = /It fits with (.*) together \(([\d.]+) MiB\)/.exec(refusal(values)) ?? [];
      const settings = Object.fromEntries(
        list.split(' and ').map((text) => text.split(' ') as [string, string]),
      );
      expect(settings).toEqual({ activation_checkpointing: 'true', lora_rank: '8', weights: 'q4' });
      expect(mib(plan({ ...values, ...settings }).totalBytes).toFixed(1)).toBe(bytes);
    },
  );

  test('a budget that the weights alone pass: no setting helps', () => {
    expect(refusal({ max_memory_mib: 1 })).toContain('No setting makes it fit: choose a smaller model.');
  });

  test('a buffer that the GPU cannot bind', () => {
    const limited = Object.create(gpu, {
      facts: { value: { ...gpu.facts, maxStorageBufferBindingSize: 2 ** 16 } },
    }) as Gpu;
    const { config } = reft({});
    expect(() => planRun(limited, model, problems.problems, [], config)).toThrow(
      /needs [\d.]+ MiB and this GPU binds at most 0.1 MiB at once/,
    );
  });

  function fits(values: Record<string, SettingValue>): boolean {
    try {
      plan(values);
      return true;
    } catch {
      return false;
    }
  }
});
