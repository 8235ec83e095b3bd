import { GpuCounter, type GpuCounts } from '../src/gpu/counting';
import type { Gpu } from '../src/gpu/device';
import { parseModelConfig, type ModelConfig } from '../src/model/config';
import { anyPrompts, anySequences, capacityOf, makePolicy, trainStep } from './policy_work';
import type { BenchContext } from './suite';

const MODEL = 'nano';
const BATCH = 8;
const LENGTH = 64;
const STEPS = 6;
/** New tokens of a completion: several bursts of 16 steps. */
const NEW_TOKENS = 48;
const MIB = 2 ** 20;

/** Counts, not times: what a steady step makes and waits for, dispatches a layer, and the plan's bytes held to the device's. */
export async function countSteady({ gpu, read, report }: BenchContext): Promise<void> {
  const json: unknown = JSON.parse(new TextDecoder().decode(await read(`models/${MODEL}/config.json`)));
  const config = parseModelConfig(json);
  const counter = new GpuCounter(gpu);
  const count = (name: string, value: number, unit: string): void =>
    report({ name, value, unit, samples: 1 });

  const before = counter.liveBytes;
  const policy = makeSmall(gpu, config);
  const train = await steadyTraining(counter, policy);
  const decode = await steadyGeneration(counter, policy, config);
  count('steady/gpu_objects', train.objects + decode.objects, 'objects');
  count('steady/blocking_readbacks', train.blocking + decode.blocking, 'readbacks');
  const planned = Object.values(policy.bytes).reduce((sum, part) => sum + part, 0);
  count('bytes/planned', planned / MIB, 'MiB');
  count('bytes/allocated', (counter.liveBytes - before) / MIB, 'MiB');
  policy.destroy();

  const per = await dispatchesPerLayer(gpu, counter, config);
  count('dispatches_per_layer/train', per.train, 'dispatches');
  count('dispatches_per_layer/decode', per.decode, 'dispatches');
}

const blockingOf = ({ blockingReadbacks, waits }: GpuCounts): number => blockingReadbacks + waits;

const sequencesOf = ({ vocab_size }: ModelConfig) => anySequences(BATCH, LENGTH, LENGTH / 4, vocab_size);

const makeSmall = (gpu: Gpu, config: ModelConfig) =>
  makePolicy(gpu, config, capacityOf(config, sequencesOf(config), BATCH));

/** Steps that follow each other: counted from the second to the arrival of the last but one, which has one behind it. */
async function steadyTraining(counter: GpuCounter, policy: ReturnType<typeof makeSmall>) {
  const start = trainStep(policy, sequencesOf(policy.config));
  await start();
  counter.take();
  let inFlight = start();
  for (let i = 0; i < STEPS; i++) {
    const next = start();
    await inFlight;
    inFlight = next;
  }
  const counts = counter.take();
  await inFlight;
  counter.take();
  return { objects: counts.objects, blocking: blockingOf(counts) };
}

/** Bursts of 16 decoding steps, counted at every look at the GPU but the last, behind which nothing is left to do. */
async function steadyGeneration(
  counter: GpuCounter,
  policy: ReturnType<typeof makeSmall>,
  config: ModelConfig,
) {
  const prompts = anyPrompts(BATCH, LENGTH / 8, config.vocab_size);
  const sampling = { temperature: 1, top_k: 0, top_p: 1, max_new_tokens: NEW_TOKENS, seed: 0, eos: [] };
  await policy.generate(prompts, sampling);
  counter.take();
  const looks: ReturnType<GpuCounter['take']>[] = [];
  await policy.generate(prompts, sampling, { onProgress: () => void looks.push(counter.take()) });
  const inner = looks.slice(0, -1);
  return {
    objects: inner.reduce((sum, { objects }) => sum + objects, 0),
    blocking: inner.reduce((sum, counts) => sum + blockingOf(counts), 0),
  };
}

/** What one more layer adds to a training micro-batch, and to one decoding step. */
async function dispatchesPerLayer(gpu: Gpu, counter: GpuCounter, config: ModelConfig) {
  const counts = async (layers: number) => {
    const deep = { ...config, num_hidden_layers: layers };
    const policy = makeSmall(gpu, deep);
    const dispatches = async (work: () => Promise<unknown>): Promise<number> => {
      counter.take();
      await work();
      return counter.take().dispatches;
    };
    const generate = (max_new_tokens: number) => {
      const sampling = { temperature: 1, top_k: 0, top_p: 1, max_new_tokens, seed: 0, eos: [] };
      return policy.generate(anyPrompts(1, 2, config.vocab_size), sampling);
    };
    const train = await dispatches(trainStep(policy, sequencesOf(deep)));
    const [short, long] = [await dispatches(() => generate(16)), await dispatches(() => generate(48))];
    policy.destroy();
    return { train, decode: (long - short) / (48 - 16) };
  };
  const [one, two] = [await counts(1), await counts(2)];
  return { train: two.train - one.train, decode: two.decode - one.decode };
}
