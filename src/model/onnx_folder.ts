import { LabError } from '../errors';
import { Tokenizer } from '../text/tokenizer';
import { readAll } from './byte_source';
import {
  maybeText,
  openModelFolder,
  readJson,
  sourceOf,
  withConfiguredEos,
  type LoadedModel,
  type ModelFiles,
  type ModelOrigin,
} from './folder';
import { sha256 } from './sha256';

/** What the lab must know of a causal language model in ONNX; keys as in config.json. */
export interface OnnxModelConfig {
  architecture: string;
  hidden_size: number;
  num_hidden_layers: number;
  num_key_value_heads: number;
  head_dim: number;
  vocab_size: number;
  max_position_embeddings: number;
  eos_token_id: number[];
}

/** A model as an ONNX graph, read from its folder and not yet open on a GPU. */
export interface LoadedOnnxModel {
  name: string;
  config: OnnxModelConfig;
  tokenizer: Tokenizer;
  /** SHA-256 of the graph's file, hex. */
  hash: () => Promise<string>;
  /** Which of the folder's files: "model_fp16.onnx". */
  file: string;
  graph: Uint8Array;
  /** Weights that lie outside the graph, by the path it names. */
  external: { path: string; data: Uint8Array }[];
  origin?: ModelOrigin;
}

/** A model that can be asked; whether it can be trained, `trainable` says. */
export type AnyModel = LoadedModel | LoadedOnnxModel;

/** Why such a model is asked and not trained. */
export const whyNotTrained = (name: string): string =>
  `${name} is an ONNX graph: exporters rename, fold and quantize the weights in it, so there are none to train by name. ` +
  'It can be evaluated, asked and compared. To train it, open the folder with the safetensors it was exported from.';

/** The model, if it is one that can be trained. Errors: `bad_input` with the reason why it is not. */
export function trainable(model: AnyModel): LoadedModel {
  if ('graph' in model) throw new LabError('bad_input', whyNotTrained(model.name));
  return model;
}

/** Names that exporters give a graph that begins a sequence, the most exact first (Optimum, transformers.js, onnx-community). */
export const ONNX_GRAPHS: readonly string[] = [
  'model.onnx',
  'decoder_model_merged.onnx',
  'decoder_model.onnx',
  'model_fp16.onnx',
  'model_q8.onnx',
  'model_int8.onnx',
  'model_quantized.onnx',
  'model_uint8.onnx',
  'model_q4f16.onnx',
  'model_q4.onnx',
  'model_bnb4.onnx',
];
/** A graph that cannot begin a sequence on its own. */
const ONLY_WITH_PAST = 'decoder_with_past_model.onnx';

/** A graph, or weights that lie beside one. */
export const isOnnxFile = (path: string): boolean => /\.onnx([._]data\w*)?$/.test(path);

/** Whether a folder is a model in ONNX alone; with safetensors beside it, those are opened. */
export function isOnnxFolder(paths: readonly string[]): boolean {
  return paths.some((path) => path.endsWith('.onnx')) && !paths.some((path) => path.endsWith('.safetensors'));
}

/** A model to be trained, or one in ONNX to be asked. Errors: `bad_input` naming the file and what is wrong with it. */
export const openAnyFolder = (name: string, files: ModelFiles, origin?: ModelOrigin): Promise<AnyModel> =>
  isOnnxFolder(Object.keys(files))
    ? openOnnxFolder(name, files, origin)
    : openModelFolder(name, files, origin);

/**
 * Opens the folder of a causal language model as Optimum and onnx-community lay it out: config.json, tokenizer.json and
 * an .onnx file, there or in onnx/, with or without past keys and values, its weights inside or in a file beside it.
 * Errors: `bad_input` naming what is missing.
 */
export async function openOnnxFolder(
  name: string,
  files: ModelFiles,
  origin?: ModelOrigin,
): Promise<LoadedOnnxModel> {
  const byName: ModelFiles = Object.fromEntries(
    Object.entries(files).map(([path, bytes]) => [baseName(path), bytes]),
  );
  const found = Object.keys(byName).filter((file) => file.endsWith('.onnx') && file !== ONLY_WITH_PAST);
  const file = ONNX_GRAPHS.find((known) => found.includes(known)) ?? found[0];
  const source = file === undefined ? undefined : sourceOf(byName, file);
  if (file === undefined || !source) {
    throw new LabError(
      'bad_input',
      `${name} has no .onnx file that can begin a sequence. Choose a folder with onnx/model.onnx.`,
    );
  }
  const raw = (await readJson(byName, 'config.json')) as Record<string, unknown>;
  const settings = byName['tokenizer_config.json']
    ? await readJson(byName, 'tokenizer_config.json')
    : undefined;
  const tokenizer = Tokenizer.fromJson(
    await readJson(byName, 'tokenizer.json'),
    settings,
    await maybeText(byName, 'chat_template.jinja'),
  );
  const config = parseOnnxConfig(raw);
  const external: LoadedOnnxModel['external'] = [];
  for (const path of Object.keys(byName).filter((other) => other.startsWith(file) && other !== file)) {
    const beside = sourceOf(byName, path);
    if (beside) external.push({ path, data: await readAll(beside) });
  }
  return {
    name,
    config,
    tokenizer: await withConfiguredEos(tokenizer, config, byName),
    hash: async () => source.sha256 ?? sha256(source),
    file,
    graph: await readAll(source),
    external,
    ...(origin ? { origin } : {}),
  };
}

const baseName = (path: string): string => path.split('/').at(-1) ?? path;

/** GPT-2 has other names for the same. Errors: `bad_input` naming what is missing. */
export function parseOnnxConfig(raw: Readonly<Record<string, unknown>>): OnnxModelConfig {
  const text = (raw.text_config ?? {}) as Record<string, unknown>;
  const number = (...names: string[]): number | undefined =>
    names.map((name) => raw[name] ?? text[name]).find((value) => typeof value === 'number');
  const needed = (...names: string[]): number => {
    const value = number(...names);
    if (value !== undefined) return value;
    throw new LabError('bad_input', `config.json: ${names[0]} is missing or not a number.`);
  };
  const heads = needed('num_attention_heads', 'n_head');
  const hidden_size = needed('hidden_size', 'n_embd');
  return {
    architecture: String([raw.architectures].flat()[0] ?? raw.model_type),
    hidden_size,
    num_hidden_layers: needed('num_hidden_layers', 'n_layer'),
    num_key_value_heads: number('num_key_value_heads') ?? heads,
    head_dim: number('head_dim') ?? hidden_size / heads,
    vocab_size: needed('vocab_size'),
    max_position_embeddings: number('max_position_embeddings', 'n_positions') ?? 2048,
    eos_token_id: [raw.eos_token_id].flat().filter((id): id is number => typeof id === 'number'),
  };
}
