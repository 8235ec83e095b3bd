import { LabError } from '../errors';
import { onnxFile, type LoadedModel } from '../model/folder';
import { checkAdapter, mergedSource } from '../model/lora_merge';
import { adapterFiles, type Adapter } from '../model/peft';
import { safetensorsChunks } from '../model/safetensors';
import { modelCard, plainCard, type CardFormat } from '../runs/model_card';
import type { RunFolder, RunRecord } from '../runs/run';
import type { StreamedFile } from '../runs/zip_stream';

/** What a model can be taken away as: Hugging Face folder, ONNX, PEFT adapter. */
export type ExportFormat = CardFormat;

const ADAPTER = 'adapter';

/**
 * The files of an open model in a format, with a model card; `record`: of the run that made it. An adapter is merged into
 * the weights or, as `peft`, is what is written. Of ONNX, weights of more than `most` bytes (2 GiB) lie in a file of their own.
 * Errors: `bad_input` for `peft` without one, and for another model's.
 */
export function exportedFiles(
  model: LoadedModel,
  format: ExportFormat,
  record: RunRecord | undefined,
  adapter?: Adapter,
  most?: number,
): StreamedFile[] {
  const readMe = card(model, format, record);
  if (format === 'peft') {
    if (!adapter) throw new LabError('bad_input', `${model.name} comes without an adapter. Name one.`);
    checkAdapter(adapter, model.config);
    return [...wholeFiles(adapterFiles(adapter)), readMe];
  }
  const merged = adapter ? { ...model, weights: mergedSource(model.weights, adapter, model.config) } : model;
  if (format === 'onnx') return [...onnx(merged, most), readMe];
  return [...wholeFiles(model.companions), safetensors(merged), readMe];
}

/**
 * The adapter that a run trained, as PEFT has it, with a model card. Errors: `bad_input` for a run that trained the whole
 * model.
 */
export async function exportedAdapter(folder: RunFolder, record: RunRecord): Promise<StreamedFile[]> {
  const paths = (await folder.list()).filter((path) => path.startsWith(`${ADAPTER}/`));
  if (!paths.length) {
    throw new LabError(
      'bad_input',
      `${record.name} trained the whole model and has no adapter. Set lora_rank for a run that trains one.`,
    );
  }
  const files = paths.map((path): StreamedFile => ({
    path: path.slice(ADAPTER.length + 1),
    chunks: async function* () {
      yield await folder.read(path);
    },
  }));
  return [...files, readme(modelCard(record, 'peft'))];
}

/** The card of a run's model, or of one that the lab did not train; its hash is counted while it is written. */
function card(model: LoadedModel, format: ExportFormat, record: RunRecord | undefined): StreamedFile {
  if (record) return readme(modelCard(record, format));
  const { name, config, parameters, origin } = model;
  return {
    path: 'README.md',
    chunks: async function* () {
      const facts = { name, hash: await model.hash(), architecture: config.architecture, parameters };
      yield encode(plainCard({ ...facts, ...(origin ? { origin } : {}) }, format));
    },
  };
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

const whole = (path: string, bytes: Uint8Array): StreamedFile => ({ path, chunks: () => [bytes] });

const wholeFiles = (files: Readonly<Record<string, Uint8Array>>): StreamedFile[] =>
  Object.entries(files).map(([path, bytes]) => whole(path, bytes));

/** The graph, the weights beside it where there are too many for one file, and the small files. */
function onnx(model: LoadedModel, most: number | undefined): StreamedFile[] {
  const file = onnxFile(model, most);
  const graph = { path: 'onnx/model.onnx', chunks: () => file.chunks() };
  const { data } = file;
  if (!data) return [...wholeFiles(model.companions), graph];
  const beside = { path: `onnx/${data.location}`, chunks: () => data.chunks() };
  return [...wholeFiles(namingData(model.companions)), graph, beside];
}

/** transformers.js looks for weights beside a graph where config.json says so. The rest of its text stays as it is. */
function namingData(companions: Record<string, Uint8Array>): Record<string, Uint8Array> {
  const text = new TextDecoder().decode(companions['config.json']);
  if (text.includes('"transformers.js_config"')) return companions;
  const named = '{\n  "transformers.js_config": { "use_external_data_format": true },';
  return { ...companions, 'config.json': encode(text.replace('{', named)) };
}

/** The model's own tensors; a value head is no part of it. */
function safetensors({ weights }: LoadedModel): StreamedFile {
  const names = weights.names.filter((name) => !name.startsWith('v_head.'));
  return { path: 'model.safetensors', chunks: () => safetensorsChunks(weights, names) };
}

const readme = (card: string): StreamedFile => whole('README.md', encode(card));
