import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LabError } from '../../errors';
import { exportedFiles } from '../../recipes/export_model';
import type { StreamedFile } from '../../runs/zip_stream';
import { ADAPTER_OPTION, adapterOfRun, openAdapter, readAdapterFolder } from '../adapter_dir';
import { UsageError, type Command } from '../command';
import { isFolder, reasonOf } from '../files';
import { openModel, recordOf } from '../model_dir';
import { NodeFolder } from '../node_folder';

const FORMATS = ['hf', 'onnx', 'peft'] as const;

/** `reft-lab export`: a model in the formats that others open. */
export const exportCommand: Command = {
  name: 'export',
  summary:
    'Write a model as a Hugging Face folder or as ONNX, or its adapter as PEFT has it, with a model card.',
  usage: '--model DIR [--adapter DIR] --format hf|onnx|peft --out DIR [--json]',
  options: {
    model: {
      value: 'DIR',
      required: true,
      help: 'A Hugging Face folder, a run, owner/name of the Hub, or a bundled model: nano.',
    },
    adapter: { ...ADAPTER_OPTION, help: `${ADAPTER_OPTION.help} hf and onnx have it merged in.` },
    format: { value: 'FORMAT', required: true, help: `One of ${FORMATS.join(', ')}.` },
    out: { value: 'DIR', required: true, help: 'A new folder.' },
  },
  details: `
hf    safetensors in f32, config.json, tokenizer files: transformers and the lab open it, and so does llama.cpp's
      convert_hf_to_gguf.py, which is the way to GGUF.
onnx  onnx/model.onnx in f32 with keys and values in and out: onnxruntime and transformers.js open it. From 2 GiB on the
      weights lie beside it, in onnx/model.onnx_data.
peft  adapter_config.json and adapter_model.safetensors: of --adapter, or of the run that --model is.
README.md says how the model was made where it comes from a run: data, recipe, settings, accuracy with interval.`,
  async run(args, io) {
    const format = FORMATS.find((known) => known === args.text('format'));
    if (!format)
      throw new UsageError(`--format is one of ${FORMATS.join(', ')}, not "${args.text('format')}".`);
    const out = args.text('out');
    await checkNewFolder(out);
    const { model } = await openModel(args.text('model'), io);
    const name = args.maybe('adapter');
    const own = format === 'peft' ? adapterOfRun(args.text('model')) : undefined;
    const isOwn = own !== undefined && (name === undefined || resolve(name) === resolve(own));
    const adapter = isOwn ? await readAdapterFolder(own) : await openAdapter(name, args.text('model'), io);
    const record =
      (name === undefined ? undefined : await recordOf(name)) ?? (await recordOf(args.text('model')));
    const files = exportedFiles(model, format, record, adapter);
    for (const file of files) await writeFile(out, file);
    const paths = files.map(({ path }) => path);
    io.result({ out, format, files: paths }, `${model.name} as ${format} is in ${out}: ${paths.join(', ')}`);
  },
};

/** Errors: `bad_input` for a folder with something in it: nothing is ever written over. */
async function checkNewFolder(out: string): Promise<void> {
  if (isFolder(out) && (await new NodeFolder(out).list()).length > 0) {
    throw new LabError('bad_input', `${out} is not empty. Choose a new folder, or remove that one first.`);
  }
}

/** Piece by piece: a model of 2 GiB is not held twice. */
async function writeFile(out: string, { path, chunks }: StreamedFile): Promise<void> {
  const file = join(out, path);
  try {
    await mkdir(dirname(file), { recursive: true });
    await pipeline(Readable.from(chunks()), createWriteStream(file));
  } catch (cause) {
    if (cause instanceof LabError) throw cause;
    throw new LabError('bad_input', `${file} cannot be written: ${reasonOf(cause)}.`, { cause });
  }
}
