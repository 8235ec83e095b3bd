import { familyOf } from '../model/families';
import {
  modelFolderFiles,
  openValueHead,
  openWeights,
  valueHeadFile,
  type LoadedModel,
} from '../model/folder';
import { mergedSource } from '../model/lora_merge';
import { adapterFiles, adapterJson, type Adapter, type LoraConfig } from '../model/peft';
import type { Policy } from '../model/policy';
import { writeSafetensors } from '../model/safetensors';
import { readTensors, type NamedTensor, type TensorSource } from '../model/tensor_source';
import type { Config } from '../runs/run';
import type { FileMap } from '../runs/run_writer';
import { checkpointAdapter, inCheckpoint, targetsOf } from './adapter';

type Tensors = ReadonlyMap<string, NamedTensor>;

/** What a policy leaves in a run's folder: whole models, or an adapter and models with it merged in. */
export interface PolicyFiles {
  /** What is trained, for a checkpoint: with `restore` the policy is what it was. */
  trained(): Promise<FileMap>;
  restore(checkpoint: FileMap): Promise<void>;
  /** The model/ of the run, and its adapter/: of a checkpoint, or of the policy as it is. */
  results(checkpoint?: FileMap): Promise<{ model: FileMap; adapter?: FileMap }>;
}

/** Every weight is trained. */
export function wholeModel(policy: Policy, model: LoadedModel): PolicyFiles {
  return {
    trained: async () => modelFiles(await policy.save(), model),
    restore: async (checkpoint) => policy.load(await openWeights(checkpoint)),
    results: async (checkpoint) => {
      const tensors = checkpoint ? await readTensors(await openWeights(checkpoint)) : await policy.save();
      return { model: modelFiles(tensors, model) };
    },
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
      const tensors = new Map([...(await readTensors(merged)), ...headOf(trained)]);
      return { model: modelFiles(tensors, model), adapter: filesOf(trained) };
    },
  };
}

/** A checkpoint's adapter, by PEFT's names, and its value head. */
async function trainedIn(checkpoint: FileMap): Promise<Tensors> {
  const adapter: Adapter | undefined = await checkpointAdapter(checkpoint);
  const head = await openValueHead(checkpoint);
  return new Map([...(adapter?.tensors ?? []), ...(head ? await readTensors(head) : [])]);
}

const isHead = (name: string): boolean => name.startsWith('v_head.');
const headOf = (tensors: Tensors): Tensors => new Map([...tensors].filter(([name]) => isHead(name)));
const adapterOf = (tensors: Tensors): Tensors => new Map([...tensors].filter(([name]) => !isHead(name)));

function modelFiles(tensors: Tensors, model: LoadedModel): FileMap {
  return { ...modelFolderFiles(model, tensors), 'value_head.safetensors': valueHeadFile(tensors) };
}

/** optimizer.safetensors and state.json of a checkpoint. */
export async function progressFiles(policy: Policy, counters: object): Promise<FileMap> {
  const { tensors, updates } = await policy.saveOptimizer();
  return {
    'optimizer.safetensors': writeSafetensors(tensors, { updates: String(updates) }),
    'state.json': new TextEncoder().encode(JSON.stringify({ ...counters, updates }, null, 2)),
  };
}
