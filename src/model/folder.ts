import { LabError } from '../errors';
import { Tokenizer } from '../text/tokenizer';
import { bytesSource, readAll, type ByteSource } from './byte_source';
import { parseModelConfig, type ModelConfig } from './config';
import { familyOf } from './families';
import type { OnnxFile } from './onnx_proto';
import { MOST_INLINE_BYTES, onnxBytes, writeOnnx } from './onnx_writer';
import { parameterCount, Parameters, VALUE_HEAD_BIAS, VALUE_HEAD_WEIGHT } from './parameters';
import { openSafetensors, safetensorsChunks, writeSafetensors, type NamedTensor } from './safetensors';
import { Sha256, sha256 } from './sha256';
import { openShards, SHARD_INDEX, shardNames } from './shard_index';
import { joinedSource, renamedSource, type TensorSource } from './tensor_source';

/** Files of a Hugging Face model folder by name: whole, or to be read by ranges. */
export type ModelFiles = Readonly<Record<string, Uint8Array | ByteSource>>;

/** Where a downloaded model comes from: a repository of the Hub at one commit. */
export interface ModelOrigin {
  id: string;
  /** The commit's hash: the same files for ever. */
  revision: string;
  /** Which of its ONNX graphs, where that is what it is. */
  file?: string;
}

/** A model as read from its folder, before it goes to a GPU. Its weights are read when they are wanted. */
export interface LoadedModel {
  name: string;
  config: ModelConfig;
  weights: TensorSource;
  tokenizer: Tokenizer;
  parameters: number;
  /**
   * SHA-256 of model.safetensors, hex; of the shards' hashes, end to end, where there are several. Counted when it is first
   * asked for: a gigabyte takes seconds.
   */
  hash: () => Promise<string>;
  /** Everything but the weights, to be written beside the fine-tuned ones. */
  companions: Record<string, Uint8Array>;
  origin?: ModelOrigin;
}

const WEIGHTS = 'model.safetensors';
const ONNX_DATA = 'model.onnx_data';
const VALUE_HEAD = 'value_head.safetensors';
const COMPANIONS = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'tokenizer.model',
];

/** Whether the lab reads a file of a model folder: what else lies there (other formats, pictures) is left alone. */
export const isModelFile = (name: string): boolean =>
  COMPANIONS.includes(name) ||
  name === SHARD_INDEX ||
  /^(model(-\d+-of-\d+)?|value_head)\.safetensors$/.test(name);

/**
 * The files beside the config.json that lies highest, by their paths from there: a folder is dropped as it is, or inside
 * another. All of them when there is no config.json.
 */
export function inModelFolder<T>(files: ReadonlyMap<string, T>): Record<string, T> {
  const [prefix = ''] = [...files.keys()]
    .flatMap((path) => /^(.*\/)?config\.json$/.exec(path)?.slice(1) ?? [])
    .map((folder) => folder ?? '')
    .sort((a, b) => a.split('/').length - b.split('/').length || a.localeCompare(b));
  return Object.fromEntries(
    [...files].flatMap(([path, file]) =>
      path.startsWith(prefix) ? [[path.slice(prefix.length), file]] : [],
    ),
  );
}

/**
 * Opens a Hugging Face folder: config.json, tokenizer.json, model.safetensors or its shards and their index, and
 * value_head.safetensors where a run left one. Errors: `bad_input` naming the file and what is wrong with it.
 */
export async function openModelFolder(
  name: string,
  files: ModelFiles,
  origin?: ModelOrigin,
): Promise<LoadedModel> {
  const config = parseModelConfig(await readJson(files, 'config.json'));
  const weights = ownTensors(await openWeights(files), config);
  const tokenizer = Tokenizer.fromJson(
    await readJson(files, 'tokenizer.json'),
    await maybeJson(files, 'tokenizer_config.json'),
    await maybeText(files, 'chat_template.jinja'),
  );
  const companions: Record<string, Uint8Array> = {};
  for (const file of COMPANIONS) {
    const source = sourceOf(files, file);
    if (source) companions[file] = await readAll(source);
  }
  return {
    name,
    config,
    weights,
    tokenizer: await withConfiguredEos(tokenizer, config, files),
    parameters: parameterCount(config),
    hash: once(() => hashOf(files)),
    companions: storedAsF32(companions),
    ...(origin ? { origin } : {}),
  };
}

/**
 * The lab writes weights as F32, whatever they were read as; transformers opens them as config.json says. The rest of its text
 * stays: parsed and written, 30.0 would become 30, which transformers refuses where it wants a float.
 */
function storedAsF32(companions: Record<string, Uint8Array>): Record<string, Uint8Array> {
  const bytes = companions['config.json'];
  if (!bytes) return companions;
  const text = new TextDecoder().decode(bytes);
  const config = text.replace(/("(?:torch_)?dtype"\s*:\s*)"\w+"/g, '$1"float32"');
  return { ...companions, 'config.json': new TextEncoder().encode(config) };
}

/** Of a file's tensors the model's own: files may leave out the base model's prefix, and hold masks beside weights. */
function ownTensors(source: TensorSource, config: ModelConfig): TensorSource {
  const { names } = new Parameters('names', config);
  const { base } = familyOf(config).tensors;
  return renamedSource(source, (name) => [name, base + name].find((known) => names.has(known)));
}

/**
 * The weights of a model folder or a checkpoint, the value head's as `v_head.…`.
 * Errors: `bad_input` when there are none, and when a file's header lies.
 */
export async function openWeights(files: ModelFiles): Promise<TensorSource> {
  const weights = await openModelWeights(files);
  const head = await openValueHead(files);
  return head ? joinedSource(weights.label, [weights, head]) : weights;
}

/** The value head of a folder as `v_head.…`, where a run left one. */
export async function openValueHead(files: ModelFiles): Promise<TensorSource | undefined> {
  const head = sourceOf(files, VALUE_HEAD);
  if (!head) return undefined;
  return renamedSource(await openSafetensors(head, VALUE_HEAD), (name) =>
    name === 'weight' ? VALUE_HEAD_WEIGHT : name === 'bias' ? VALUE_HEAD_BIAS : undefined,
  );
}

/** The same without the value head. */
export async function openModelWeights(files: ModelFiles): Promise<TensorSource> {
  const whole = sourceOf(files, WEIGHTS);
  if (whole) return openSafetensors(whole, WEIGHTS);
  if (files[SHARD_INDEX]) {
    return openShards(await readJson(files, SHARD_INDEX), (file) => sourceOf(files, file));
  }
  throw missing(WEIGHTS, Object.keys(files));
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

async function hashOf(files: ModelFiles): Promise<string> {
  const whole = sourceOf(files, WEIGHTS);
  if (whole) return whole.sha256 ?? sha256(whole);
  const all = new Sha256();
  for (const name of shardNames(await readJson(files, SHARD_INDEX))) {
    const shard = sourceOf(files, name);
    if (shard) all.update(new TextEncoder().encode(shard.sha256 ?? (await sha256(shard))));
  }
  return all.hex();
}

export function sourceOf(files: ModelFiles, name: string): ByteSource | undefined {
  const file = files[name];
  return file instanceof Uint8Array ? bytesSource(file) : file;
}

/** generation_config.json's eos_token_id counts first, then config.json's, then the tokenizer's own. */
export async function withConfiguredEos(
  tokenizer: Tokenizer,
  config: Pick<ModelConfig, 'eos_token_id'>,
  files: ModelFiles,
): Promise<Tokenizer> {
  const generation = (await maybeJson(files, 'generation_config.json')) as
    { eos_token_id?: unknown } | undefined;
  const configured = [generation?.eos_token_id].flat().filter((id): id is number => typeof id === 'number');
  const ids = configured.length ? configured : config.eos_token_id;
  return ids.length ? tokenizer.withEos(ids) : tokenizer;
}

/** The Hugging Face folder of fine-tuned weights: the model's own files with new tensors, read while they are written. The value head goes apart. */
export function modelFolderFiles(
  model: Pick<LoadedModel, 'companions'>,
  weights: TensorSource,
): Record<string, Uint8Array | (() => AsyncIterable<Uint8Array>)> {
  const own = weights.names.filter((name) => !name.startsWith('v_head.'));
  return { ...model.companions, [WEIGHTS]: () => safetensorsChunks(weights, own) };
}

/** The model as ONNX, keys and values in and out; more weights than `most` lie beside it, in its `data`. */
export function onnxFile(
  { config, weights }: Pick<LoadedModel, 'config' | 'weights'>,
  most = MOST_INLINE_BYTES,
): OnnxFile {
  const external = onnxBytes(config) < most ? {} : { external: ONNX_DATA };
  return writeOnnx(config, weights, { logits: 'all', cache: true, ...external });
}

/** A model's folder as transformers.js loads it: `onnx/model.onnx` instead of safetensors. */
export async function onnxFolderFiles(
  model: Pick<LoadedModel, 'companions' | 'config' | 'weights'>,
): Promise<Record<string, Uint8Array>> {
  return { ...model.companions, 'onnx/model.onnx': await onnxFile(model).bytes() };
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

export async function maybeText(files: ModelFiles, name: string): Promise<string | undefined> {
  const source = sourceOf(files, name);
  return source && new TextDecoder().decode(await readAll(source));
}

async function maybeJson(files: ModelFiles, name: string): Promise<unknown> {
  return files[name] ? readJson(files, name) : undefined;
}

/** A JSON file of a folder. Errors: `bad_input` when it is missing or not JSON. */
export async function readJson(files: ModelFiles, name: string): Promise<unknown> {
  const source = sourceOf(files, name);
  if (!source) throw missing(name, Object.keys(files));
  const bytes = await readAll(source);
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new LabError('bad_input', `${name} is not JSON (${String(cause)}). Download the model again.`, {
      cause,
    });
  }
}

/** What is missing, and what to do about what is there instead. */
function missing(name: string, found: readonly string[]): LabError {
  const shards = found.filter((file) => /^model-\d+-of-\d+\.safetensors$/.test(file));
  const pickled = found.find((file) => /\.(bin|pt|pth)$/.test(file));
  const advice =
    name === WEIGHTS && shards.length
      ? `There are ${shards.length} shards: add their ${SHARD_INDEX}.`
      : name === WEIGHTS && pickled
        ? `${pickled} is pickled, which the lab does not read: save the model with save_pretrained(…, safe_serialization=True).`
        : 'Choose the folder of a Hugging Face model with config.json, tokenizer.json and model.safetensors.';
  return new LabError(
    'bad_input',
    `The model folder has no ${name} (found: ${found.slice(0, 8).join(', ') || 'nothing'}). ${advice}`,
  );
}
