import { openDataset } from '../../src/data/open';
import { GpuCounter } from '../../src/gpu/counting';
import { RunControl } from '../../src/recipes/control';
import { reft } from '../../src/recipes/reft';
import { runSession } from '../../src/recipes/session';
import { resolveConfig } from '../../src/recipes/settings';
import { DiscardingFolder } from '../discarding_folder';
import { byMinute, type Look, type Minute } from '../minutes';
import { bundledIds, LEVELS, openBundled } from '../model';
import type { Suite } from '../suite';

const MINUTES = 10;
const MIB = 2 ** 20;

/**
 * ReFT of a bundled model (nano, unless another is asked for) for `--minutes` (10): tokens/s of every minute, the heap
 * that garbage collection leaves and the bytes of live GPU buffers, and how the last minute compares with the second. On an
 * adapter that runs on the CPU tokens per second of processor time, too: work beside it on the machine is not in that.
 * The demo's settings with smaller rollouts, so that a minute holds many iterations, and no evaluation, so that every minute
 * holds the same work.
 */
export const soak: Suite = async (context) => {
  const { gpu, read, report, settings, note } = context;
  const [id] = context.models.length ? bundledIds(context) : (['nano'] as const);
  if (!id) throw new Error(`The soak trains a bundled model: --model ${Object.keys(LEVELS).join(' or ')}.`);
  const minutes = Number(settings['minutes'] ?? MINUTES);
  if (!(minutes >= 3))
    throw new Error('The soak compares the second minute with the last: --minutes 3 at least.');
  const { model } = await openBundled(read, id, 1);
  const file = `problems/${LEVELS[id]}/train.jsonl`;
  const control = new RunControl();
  const counter = new GpuCounter(gpu);
  const looks: Look[] = [];
  let begun: number | undefined;
  let objects = 0;
  const record = await runSession({
    gpu,
    model,
    recipe: reft,
    preset: 'demo',
    config: resolveConfig(reft, 'demo', {
      warmup_epochs: 0,
      validation_fraction: 0,
      batch_size: 32,
      mini_batch_size: 32,
      learning_rate: 1e-5,
      max_steps: 0,
      num_epochs: 100_000,
      log_completions: 0,
    }),
    dataset: await openDataset(file, await read(file)),
    evalDataset: null,
    init: null,
    id: 'soak',
    name: 'soak',
    folder: new DiscardingFolder(),
    control,
    listener: {
      metrics: ({ values }) => {
        const now = performance.now();
        begun ??= now;
        const seconds = (now - begun) / 1000;
        const tokens = (values['num_tokens'] ?? 0) + (values['tokens_generated'] ?? 0);
        looks.push({ seconds, tokens, heap: heapBytes(), gpu: counter.liveBytes, cpu: cpuSeconds() });
        const made = counter.take().objects;
        if (seconds > 60) objects += made;
        if (seconds >= 60 * minutes + 1) control.stop();
      },
    },
    audit: false,
    versions: {},
    programs: undefined,
    makeOnnxReference: undefined,
  });
  if (record.error) throw new Error(`The run failed at step ${record.step}: ${record.error.message}`);

  const each = byMinute(looks);
  const named = (name: string, value: number, unit: string, samples: number): void =>
    report({ name: `soak/${id}/${name}`, value, unit, samples });
  const iterations = Math.round(looks.length / each.length);
  each.forEach(({ tokensPerSecond }, i) =>
    named(`tokens_per_s/minute_${i + 1}`, tokensPerSecond, 'tokens/s', iterations),
  );
  const [second, last] = [each[1], each.at(-1)] as [Minute, Minute];
  const change = (of: (minute: Minute) => number): number => (100 * (of(last) - of(second))) / of(second);
  named(
    'tokens_per_s/last_against_second',
    change((minute) => minute.tokensPerSecond),
    '%',
    1,
  );
  if (gpu.facts.isSoftware && !Number.isNaN(second.tokensPerCpuSecond)) {
    named('tokens_per_cpu_s/second_minute', second.tokensPerCpuSecond, 'tokens/s', iterations);
    named(
      'tokens_per_cpu_s/last_against_second',
      change((minute) => minute.tokensPerCpuSecond),
      '%',
      1,
    );
  }
  named('gpu_bytes/second_minute', second.gpu / MIB, 'MiB', iterations);
  named(
    'gpu_bytes/last_against_second',
    change((minute) => minute.gpu),
    '%',
    1,
  );
  named('gpu_objects/after_the_first_minute', objects, 'objects', 1);
  if (Number.isNaN(second.heap)) {
    note('This platform does not say how large its JavaScript heap is.');
    return;
  }
  named('js_heap/second_minute', second.heap / MIB, 'MiB', iterations);
  named('js_heap/last_against_second', (last.heap - second.heap) / MIB, 'MiB', iterations);
};

interface Platform {
  process?: {
    memoryUsage?: () => { heapUsed: number };
    cpuUsage?: () => { user: number; system: number };
  };
  performance: { memory?: { usedJSHeapSize: number } };
}
const platform = globalThis as unknown as Platform;

/** Bytes of the JavaScript heap, garbage included; NaN where the platform does not say. */
function heapBytes(): number {
  const { process, performance: clock } = platform;
  return process?.memoryUsage?.().heapUsed ?? clock.memory?.usedJSHeapSize ?? Number.NaN;
}

/** Processor time of this process, all threads; NaN where the platform does not say. */
function cpuSeconds(): number {
  const { user = Number.NaN, system = 0 } = platform.process?.cpuUsage?.() ?? {};
  return (user + system) / 1e6;
}
