import { adapterName, openGpu } from '../../../src/gpu/device';
import {
  timeTrial,
  type Contestant,
  type ContestantId,
  type Outcome,
  type Platform,
  type WorkId,
} from '../contest';

/** Each loaded only where it runs: what a peer does to globals then concerns nobody else. */
const CONTESTANTS: Record<ContestantId, () => Promise<Contestant>> = {
  ours: async () => (await import('./ours')).ours,
  'jax-js': async () => (await import('./jax')).jaxJs,
  tfjs: async () => (await import('./tfjs')).tfjs,
  'onnxruntime-web': async () => (await import('./onnxruntime')).onnxruntimeWeb,
  'transformers.js': async () => (await import('./transformers')).transformersJs,
};

/** Prepares one contestant for one work, times it, and says what it came to. */
export async function runTrial(contestant: ContestantId, work: WorkId, platform: Platform): Promise<Outcome> {
  const { facts } = await openGpu(platform.gpu);
  const trial = await (await CONTESTANTS[contestant]())(work, platform);
  const milliseconds = await timeTrial(trial);
  return { milliseconds, answer: [...trial.answer], adapter: adapterName(facts) };
}
