import { LabError } from '../errors';
import { STORAGES, type Storage } from '../kernels/quantize';
import {
  ADAPTER_CONFIG,
  ADAPTER_WEIGHTS,
  readAdapter,
  targetedModules,
  type Adapter,
  type LoraConfig,
} from '../model/peft';
import { readAll } from '../model/byte_source';
import type { ModelConfig } from '../model/config';
import type { ModelFiles } from '../model/folder';
import { adaptableModules, AdapterParameters } from '../model/lora';
import type { NamedTensor } from '../model/tensor_source';
import { Rng } from '../rl/rng';
import type { Config } from '../runs/run';
import { Settings } from './settings';

/** Which of the seed's streams draws the first A; 0 to 3 are the split, the shuffles and the value head. */
const STREAM = 4;
const FOLDER = 'adapter/';

/** lora_target_modules as a list. */
export const targetsOf = (config: Config): string[] =>
  new Settings(config)
    .text('lora_target_modules')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');

/**
 * The adapter that the settings ask for; undefined when every weight is trained. Errors: `bad_input` naming a module that
 * the model does not have.
 */
export function loraOf(config: Config, model: ModelConfig): LoraConfig | undefined {
  const s = new Settings(config);
  const rank = s.number('lora_rank');
  if (rank === 0) return undefined;
  const modules = targetedModules(targetsOf(config), adaptableModules(model));
  return { rank, alpha: s.number('lora_alpha'), rslora: s.boolean('lora_rslora'), modules };
}

/** How the frozen weights are to be stored. Errors: `bad_input` where they are trained, and other than f32. */
export function weightsOf(config: Config): Storage {
  const s = new Settings(config);
  const named = s.text('weights');
  const storage = STORAGES.find((one) => one === named) ?? 'f32';
  if (storage === 'f32' || s.number('lora_rank') > 0) return storage;
  throw new LabError(
    'bad_input',
    `Only frozen weights are stored as ${storage}, and without an adapter every weight is trained. Set lora_rank 8, or weights f32.`,
  );
}

/** Every linear layer adapted, with a rank of `rank`: what is small enough, whatever the settings name. */
export const everyModule = (model: ModelConfig, rank: number): LoraConfig => ({
  rank,
  alpha: 2 * rank,
  rslora: false,
  modules: adaptableModules(model),
});

/** An adapter that changes nothing yet, as PEFT begins it: A uniform in ±1/√in (Kaiming, a = √5), B zero. */
export function freshAdapter(model: ModelConfig, lora: LoraConfig, seed: number): Map<string, NamedTensor> {
  const rng = new Rng(seed, STREAM);
  const { shapes } = new AdapterParameters('adapter', model, lora);
  return new Map(
    [...shapes].map(([name, [rows = 0, columns = 0]]) => {
      const bound = name.endsWith('.lora_A.weight') ? 1 / Math.sqrt(columns) : 0;
      const data = Float32Array.from(
        { length: rows * columns },
        () => bound && bound * (2 * rng.uniform() - 1),
      );
      return [name, { shape: [rows, columns], data }];
    }),
  );
}

/** The adapter of a checkpoint, when it is one of a run with adapters. */
export async function checkpointAdapter(files: ModelFiles): Promise<Adapter | undefined> {
  const own: Record<string, Uint8Array> = {};
  for (const name of [ADAPTER_CONFIG, ADAPTER_WEIGHTS]) {
    const file = files[FOLDER + name];
    if (file) own[name] = file instanceof Uint8Array ? file : await readAll(file);
  }
  return Object.keys(own).length ? readAdapter(own) : undefined;
}

/** An adapter's files as they lie in a checkpoint. */
export const inCheckpoint = <T>(files: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(files).map(([name, bytes]) => [FOLDER + name, bytes]));

/** The settings that an adapter was trained with, for a run that goes on with it. */
export function settingsOf({ config, json }: Adapter): Config {
  const { target_modules: targets } = json;
  return {
    lora_rank: config.rank,
    lora_alpha: config.alpha,
    lora_rslora: config.rslora,
    lora_target_modules: Array.isArray(targets) ? targets.join() : config.modules.join(),
  };
}

/** Errors: `bad_input` when a run with these settings cannot go on with that adapter. */
export function checkSame(adapter: Adapter, lora: LoraConfig): void {
  const says = ({ rank, alpha, rslora, modules }: LoraConfig): string =>
    JSON.stringify([rank, alpha, rslora, [...modules].sort()]);
  if (says(adapter.config) === says(lora)) return;
  const settings = Object.entries(settingsOf(adapter)).map(([name, value]) => `${name} ${String(value)}`);
  throw new LabError(
    'bad_input',
    `The adapter to start from is another one than the settings say. Set ${settings.join(', ')}; or lora_rank 0, which ` +
      'merges it and trains every weight.',
  );
}
