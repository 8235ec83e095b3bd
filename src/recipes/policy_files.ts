import { familyOf } from '../model/families';
import {
  modelFolderFiles,
  openValueHead,
  openWeights,
  valueHeadFile,
  type LoadedModel,
  type ModelFiles,
} from '../model/folder';
import { mergedSource } from '../model/lora_merge';
import { adapterFiles, adapterJson, type Adapter, type LoraConfig } from '../model/peft';
import type { Policy } from '../model/policy';
import { safetensorsChunks } from '../model/safetensors';
import { memorySource, readTensors, type NamedTensor, type TensorSource } from '../model/tensor_source';
import type { Config } from '../runs/run';
import type { FileMap } from '../runs/run_writer';
import { checkpointAdapter, inCheckpoint, targetsOf } from './adapter';

type Tensors = ReadonlyMap<string, NamedTensor>;

/** What a policy leaves in a run's folder: whole models, or an adapter and models with it merged in. */
export interface PolicyFiles {
  /** What is trained, for a checkpoint: with `restore` the policy is what it was. */
  trained(): Promise<FileMap>;
  restore(checkpoint: ModelFiles): Promise<void>;
  /** The model/ of the run, and its adapter/: of a checkpoint, or of the policy as it is. */
  results(checkpoint?: ModelFiles): Promise<{ model: FileMap; adapter?: FileMap }>;
}

/** Every weight is trained. */
export function wholeModel(policy: Policy, model: LoadedModel): PolicyFiles {
  return {
    trained: () => modelFiles(model, policy.weightsSource()),
    restore: async (checkpoint) => policy.load(await openWeights(checkpoint)),
    results: async (checkpoint) => ({
      model: await modelFiles(model, checkpoint ? await openWeights(checkpoint) : policy.weightsSource()),
    }),
  };
}

/** An adapter is trained. `weights`: what lies frozen beneath it. */
export function adapterBeside(
  policy: Policy,
  model: LoadedModel,
  weights: TensorSource,
  lora: LoraConfig,
  config: Config,
): PolicyFiles {
  const transposed = familyOf(model.config).tensors.transposed === true;
  const base = model.origin ?? { id: model.name };
  const json = adapterJson(lora, targetsOf(config), base, transposed);
  const filesOf = (trained: Tensors): FileMap => adapterFiles({ tensors: adapterOf(trained), json });
  return {
    trained: async () => {
      const trained = await policy.saveAdapter();
      return { ...inCheckpoint(filesOf(trained)), 'value_head.safetensors': valueHeadFile(trained) };
    },
    restore: async (checkpoint) => policy.loadAdapter(await trainedIn(checkpoint)),
    results: async (checkpoint) => {
      const trained = checkpoint ? await trainedIn(checkpoint) : await policy.saveAdapter();
      const merged = mergedSource(weights, { config: lora, tensors: trained }, model.config);
      return { model: await modelFiles(model, merged, memorySource(trained)), adapter: filesOf(trained) };
    },
  };
}

/** A checkpoint's adapter, by PEFT's names, and its value head. */
async function trainedIn(checkpoint: ModelFiles): Promise<Tensors> {
  const adapter: Adapter | undefined = await checkpointAdapter(checkpoint);
  const head = await openValueHead(checkpoint);
  return new Map([...(adapter?.tensors ?? []), ...(head ? await readTensors(head) : [])]);
}

const isHead = (name: string): boolean => name.startsWith('v_head.');
const adapterOf = (tensors: Tensors): Tensors => new Map([...tensors].filter(([name]) => !isHead(name)));

/** A model's folder; `head`: where its value head is. Weights are read while they are written. */
async function modelFiles(model: LoadedModel, weights: TensorSource, head = weights): Promise<FileMap> {
  const own = new Map<string, NamedTensor>();
  for (const name of head.names.filter(isHead)) {
    own.set(name, { shape: [...(head.shape(name) ?? [])], data: await head.read(name) });
  }
  return { ...modelFolderFiles(model, weights), 'value_head.safetensors': valueHeadFile(own) };
}

/** optimizer.safetensors and state.json of a checkpoint. */
export function progressFiles(policy: Policy, counters: object): FileMap {
  const { moments, updates } = policy.optimizerSource();
  const metadata = { updates: String(updates) };
  return {
    'optimizer.safetensors': () => safetensorsChunks(moments, moments.names, metadata),
    'state.json': new TextEncoder().encode(JSON.stringify({ ...counters, updates }, null, 2)),
  };
}
