import { LabError } from '../errors';
import { readSafetensors, writeSafetensors, type NamedTensor } from './safetensors';

/**
 * Low-rank adapters (Hu et al. 2021, arXiv:2106.09685) as PEFT keeps them: y = x Wᵀ + scale · (x Aᵀ) Bᵀ with A (r,in),
 * B (out,r), for some of a model's modules.
 */
export interface LoraConfig {
  /** r */
  rank: number;
  /** lora_alpha */
  alpha: number;
  /** scale = alpha / √r instead of alpha / r (Kalajdzievski 2023, arXiv:2312.03732). */
  rslora: boolean;
  /** Full names of the adapted modules: "model.layers.0.self_attn.q_proj". */
  modules: readonly string[];
}

/** An adapter out of its folder, or to be written to one. */
export interface Adapter {
  config: LoraConfig;
  /** A and B of every module, by PEFT's names (`loraNames`). */
  tensors: ReadonlyMap<string, NamedTensor>;
  /** adapter_config.json: what it was read from, and what it is written as. */
  json: Readonly<Record<string, unknown>>;
}

export const ADAPTER_CONFIG = 'adapter_config.json';
export const ADAPTER_WEIGHTS = 'adapter_model.safetensors';

/** What B Aᵀ is multiplied by. */
export const loraScale = ({ rank, alpha, rslora }: Pick<LoraConfig, 'rank' | 'alpha' | 'rslora'>): number =>
  alpha / (rslora ? Math.sqrt(rank) : rank);

/** PEFT's names of a module's two matrices. */
export function loraNames(module: string): { a: string; b: string } {
  const name = (matrix: 'A' | 'B'): string => `base_model.model.${module}.lora_${matrix}.weight`;
  return { a: name('A'), b: name('B') };
}

const LORA_NAME = /^base_model\.model\.(.+)\.lora_([AB])\.weight$/;

/** Fields of adapter_config.json that change what an adapter computes, where they are not off: null, false, "none" or empty. */
const OFF = [
  'use_dora',
  'use_qalora',
  'use_bdlora',
  'bias',
  'lora_bias',
  'alora_invocation_tokens',
  'arrow_config',
  'kasa_config',
  'monteclora_config',
  'velora_config',
  'rank_pattern',
  'alpha_pattern',
  'modules_to_save',
  'layer_replication',
  'target_parameters',
  'trainable_token_indices',
];

const isOff = (value: unknown): boolean =>
  [undefined, null, false, 'none'].includes(value as null) ||
  (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

/**
 * Opens a PEFT folder. Which modules are adapted is read from the tensors, so that names, patterns and layer choices of
 * every kind are understood. Errors: `bad_input` naming the file and what is wrong with it, or what the lab does not compute.
 */
export function readAdapter(files: Readonly<Record<string, Uint8Array>>): Adapter {
  const json = readConfig(files);
  if (json.peft_type !== 'LORA') throw refused(`peft_type ${JSON.stringify(json.peft_type)}`);
  for (const field of OFF) {
    if (!isOff(json[field])) throw refused(`${field} ${JSON.stringify(json[field])}`);
  }
  const [rank, alpha] = [json.r, json.lora_alpha];
  if (typeof rank !== 'number' || !Number.isInteger(rank) || rank < 1 || typeof alpha !== 'number') {
    throw new LabError(
      'bad_input',
      `${ADAPTER_CONFIG}: r is ${JSON.stringify(rank)} and lora_alpha ${JSON.stringify(alpha)}; a whole number from 1 and ` +
        'a number are needed.',
    );
  }
  const weights = files[ADAPTER_WEIGHTS];
  if (!weights) throw missing(ADAPTER_WEIGHTS, files);
  const tensors = readSafetensors(weights, ADAPTER_WEIGHTS);
  const modules = modulesOf(tensors, rank);
  return { config: { rank, alpha, rslora: json.use_rslora === true, modules }, tensors, json };
}

/** The PEFT folder of an adapter: tensors in the order of their names, as the safetensors library writes them. */
export function adapterFiles({
  tensors,
  json,
}: Pick<Adapter, 'tensors' | 'json'>): Record<string, Uint8Array> {
  const sorted = new Map([...tensors].sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    [ADAPTER_CONFIG]: new TextEncoder().encode(`${JSON.stringify(json, null, 2)}\n`),
    [ADAPTER_WEIGHTS]: writeSafetensors(sorted),
  };
}

/**
 * What adapter_config.json says of an adapter that the lab made. `targets`: as the setting has them; `base`: the model, and
 * its commit where it is one of the Hub.
 */
export function adapterJson(
  { rank, alpha, rslora }: LoraConfig,
  targets: readonly string[],
  base: { id: string; revision?: string },
  transposed: boolean,
): Record<string, unknown> {
  return {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: base.id,
    bias: 'none',
    fan_in_fan_out: transposed,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: alpha,
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: 'LORA',
    r: rank,
    rank_pattern: {},
    revision: base.revision ?? null,
    target_modules: targets.join() === 'all-linear' ? 'all-linear' : targets,
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: rslora,
  };
}

/**
 * Modules that target names stand for, as PEFT reads them: "all-linear", whole names, or ends of names. `known`: full names
 * of a model's adaptable modules. Errors: `bad_input` naming a target that no module has, and what there is.
 */
export function targetedModules(targets: readonly string[], known: readonly string[]): string[] {
  if (targets.join() === 'all-linear') return [...known];
  const isOf = (module: string, target: string): boolean =>
    module === target || module.endsWith(`.${target}`);
  const unknown = targets.filter((target) => !known.some((module) => isOf(module, target)));
  if (unknown.length || !targets.length) {
    const ends = [...new Set(known.map((module) => module.split('.').at(-1) ?? module))];
    throw new LabError(
      'bad_input',
      `lora_target_modules: this model has no module ${unknown.join(', ') || '""'}. It has ${ends.join(', ')}; ` +
        'all-linear is all of them.',
    );
  }
  return known.filter((module) => targets.some((target) => isOf(module, target)));
}

function modulesOf(tensors: ReadonlyMap<string, NamedTensor>, rank: number): string[] {
  const modules = new Set<string>();
  for (const [name, { shape }] of tensors) {
    const [, module, matrix] = LORA_NAME.exec(name) ?? [];
    if (module === undefined) throw refused(`the tensor ${name}`);
    const [rows = 0, columns = 0] = shape;
    if (shape.length !== 2 || (matrix === 'A' ? rows : columns) !== rank) {
      throw new LabError(
        'bad_input',
        `${ADAPTER_WEIGHTS}: ${name} has shape [${shape.join(', ')}], ${ADAPTER_CONFIG} says r = ${rank}. Check that both ` +
          'files belong to one adapter.',
      );
    }
    const { a, b } = loraNames(module);
    const lacking = [a, b].find((other) => !tensors.has(other));
    if (lacking !== undefined) {
      throw new LabError('bad_input', `${ADAPTER_WEIGHTS} has ${name} and no ${lacking}. Download it again.`);
    }
    modules.add(module);
  }
  if (!modules.size) throw new LabError('bad_input', `${ADAPTER_WEIGHTS} has no tensors.`);
  return [...modules];
}

function readConfig(files: Readonly<Record<string, Uint8Array>>): Record<string, unknown> {
  const bytes = files[ADAPTER_CONFIG];
  if (!bytes) throw missing(ADAPTER_CONFIG, files);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new LabError('bad_input', `${ADAPTER_CONFIG} is not JSON (${String(cause)}).`, { cause });
  }
  if (typeof json === 'object' && json !== null) return json as Record<string, unknown>;
  throw new LabError('bad_input', `${ADAPTER_CONFIG} is ${JSON.stringify(json)} where an object is needed.`);
}

const refused = (what: string): LabError =>
  new LabError(
    'bad_input',
    `The adapter has ${what}, which the lab does not compute: it reads plain LoRA (and rsLoRA) on linear layers.`,
  );

function missing(name: string, files: Readonly<Record<string, Uint8Array>>): LabError {
  return new LabError(
    'bad_input',
    `The adapter's folder has no ${name} (found: ${Object.keys(files).slice(0, 8).join(', ') || 'nothing'}). ` +
      `Choose a folder that PEFT's save_pretrained wrote, with ${ADAPTER_CONFIG} and ${ADAPTER_WEIGHTS}.`,
  );
}
