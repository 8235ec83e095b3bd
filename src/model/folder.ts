import { LabError } from '../errors';
import { Tokenizer } from '../text/tokenizer';
import { parseModelConfig, type ModelConfig } from './config';
import { writeOnnx } from './onnx_writer';
import { parameterCount, VALUE_HEAD_BIAS, VALUE_HEAD_WEIGHT } from './parameters';
import { readSafetensors, writeSafetensors, type NamedTensor } from './safetensors';

/** Files of a Hugging Face model folder by name. */
export type ModelFiles = Readonly<Record<string, Uint8Array>>;

/** A model as read from its folder, before it goes to a GPU. */
export interface LoadedModel {
  name: string;
  config: ModelConfig;
  tensors: Map<string, NamedTensor>;
  tokenizer: Tokenizer;
  parameters: number;
  /** SHA-256 of model.safetensors, hex. */
  hash: string;
  /** Everything but the weights, to be written beside the fine-tuned ones. */
  companions: Record<string, Uint8Array>;
}

const WEIGHTS = 'model.safetensors';
const COMPANIONS = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
];

/**
 * Opens a Hugging Face folder of the Llama architecture: config.json, tokenizer.json, model.safetensors, and
 * value_head.safetensors where a run left one. Errors: `bad_input` naming the file and what is wrong with it.
 */
export async function openModelFolder(name: string, files: ModelFiles): Promise<LoadedModel> {
  const config = parseModelConfig(readJson(files, 'config.json'));
  const weights = files[WEIGHTS];
  if (!weights) throw missing(WEIGHTS, Object.keys(files));
  const tensors = readSafetensors(weights, WEIGHTS);
  const head = files['value_head.safetensors'];
  if (head) {
    const { weight, bias } = Object.fromEntries(readSafetensors(head, 'value_head.safetensors'));
    if (weight) tensors.set(VALUE_HEAD_WEIGHT, weight);
    if (bias) tensors.set(VALUE_HEAD_BIAS, bias);
  }
  const tokenizerConfig = files['tokenizer_config.json']
    ? readJson(files, 'tokenizer_config.json')
    : undefined;
  const tokenizer = Tokenizer.fromJson(readJson(files, 'tokenizer.json'), tokenizerConfig);
  const companions = Object.fromEntries(
    COMPANIONS.flatMap((file) => (files[file] ? [[file, files[file]]] : [])),
  );
  return {
    name,
    config,
    tensors,
    tokenizer: withConfiguredEos(tokenizer, config, files),
    parameters: parameterCount(config),
    hash: await sha256(weights),
    companions,
  };
}

/** generation_config.json's eos_token_id counts first, then config.json's, then the tokenizer's own. */
function withConfiguredEos(tokenizer: Tokenizer, config: ModelConfig, files: ModelFiles): Tokenizer {
  const generation = files['generation_config.json'] ? readJson(files, 'generation_config.json') : {};
  const configured = [(generation as { eos_token_id?: unknown }).eos_token_id]
    .flat()
    .filter((id): id is number => typeof id === 'number');
  const ids = configured.length ? configured : config.eos_token_id;
  return ids.length ? tokenizer.withEos(ids) : tokenizer;
}

/** The Hugging Face folder of fine-tuned weights: the model's own files with new tensors. The value head goes apart. */
export function modelFolderFiles(
  model: Pick<LoadedModel, 'companions'>,
  tensors: ReadonlyMap<string, NamedTensor>,
): Record<string, Uint8Array> {
  const own = new Map([...tensors].filter(([name]) => !name.startsWith('v_head.')));
  return { ...model.companions, [WEIGHTS]: writeSafetensors(own) };
}

/** The same as a folder that transformers.js loads: `onnx/model.onnx`, keys and values in and out, instead of safetensors. */
export function onnxFolderFiles(
  model: Pick<LoadedModel, 'companions' | 'config'>,
  tensors: ReadonlyMap<string, NamedTensor>,
): Record<string, Uint8Array> {
  const weight = (name: string): Float32Array => {
    const tensor = tensors.get(name);
    if (!tensor)
      throw new LabError('bad_input', `The model has no tensor ${name}, which its ONNX form needs.`);
    return tensor.data;
  };
  const onnx = writeOnnx(model.config, weight, { logits: 'all', cache: true });
  return { ...model.companions, 'onnx/model.onnx': onnx };
}

/** value_head.safetensors: `weight (1,C)`, `bias (1)`. */
export function valueHeadFile(tensors: ReadonlyMap<string, NamedTensor>): Uint8Array {
  const head = new Map<string, NamedTensor>();
  const weight = tensors.get(VALUE_HEAD_WEIGHT);
  const bias = tensors.get(VALUE_HEAD_BIAS);
  if (weight) head.set('weight', weight);
  if (bias) head.set('bias', bias);
  return writeSafetensors(head);
}

function readJson(files: ModelFiles, name: string): unknown {
  const bytes = files[name];
  if (!bytes) throw missing(name, Object.keys(files));
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new LabError('bad_input', `${name} is not JSON (${String(cause)}). Download the model again.`, {
      cause,
    });
  }
}

function missing(name: string, found: readonly string[]): LabError {
  return new LabError(
    'bad_input',
    `The model folder has no ${name} (found: ${found.slice(0, 8).join(', ') || 'nothing'}). ` +
      'Choose the folder of a Hugging Face model with config.json, tokenizer.json and model.safetensors.',
  );
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
