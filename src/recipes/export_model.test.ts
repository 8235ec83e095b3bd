import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import * as ort from 'onnxruntime-web';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../cli/files';
import { openModelFolder, type LoadedModel } from '../model/folder';
import { readTensors } from '../model/tensor_source';
import { MemoryFolder } from '../runs/memory_folder';
import type { RunRecord } from '../runs/run';
import { zipStream, type StreamedFile } from '../runs/zip_stream';
import { exportedAdapter, exportedFiles } from './export_model';

const RECORD: RunRecord = {
  format: 1,
  id: 'r1',
  name: 'ReFT 2',
  recipe: 'reft',
  preset: 'demo',
  config: { learning_rate: 3e-7, kl_coef: 0.05, partial_reward: true },
  seed: 7,
  status: 'done',
  created: '2026-01-01T10:00:00.000Z',
  finished: '2026-01-01T10:20:00.000Z',
  step: 40,
  total_steps: 40,
  model: { name: 'nano', hash: 'ab12', architecture: 'LlamaForCausalLM', parameters: 217_664 },
  init_from: { run: 'r0', checkpoint: '12' },
  dataset: {
    name: 'train.jsonl',
    hash: 'cd34',
    format: 'gsm8k',
    task: 'gsm8k',
    train: 1800,
    validation: 200,
  },
  eval_dataset: { name: 'test.jsonl', hash: 'ef56', problems: 500 },
  adapter: 'a software adapter',
  versions: { lab: '0.1.0' },
  best: { step: 30, split: 'validation', n: 200, correct: 130, accuracy: 0.65, low: 0.58, high: 0.713 },
  test: { step: 30, split: 'test', n: 500, correct: 310, accuracy: 0.62, low: 0.577, high: 0.661 },
  events: [],
  seconds: {},
};

async function nano(): Promise<LoadedModel> {
  const names = ['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json'];
  const files = [...names, 'model.safetensors'].map((name) => [
    name,
    new Uint8Array(readFileSync(join(packageRoot(), 'public/models/nano', name))),
  ]);
  return openModelFolder('nano', Object.fromEntries(files) as Record<string, Uint8Array>);
}

/** Packed by the lab and unpacked by fflate. */
async function unpacked(files: StreamedFile[]): Promise<Record<string, Uint8Array>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of zipStream(files)) chunks.push(chunk);
  return unzipSync(new Uint8Array(Buffer.concat(chunks)));
}

async function chunksOf(files: readonly StreamedFile[], path: string): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of files.find((file) => file.path === path)?.chunks() ?? []) chunks.push(chunk);
  return chunks;
}

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

describe('a model taken away', () => {
  test('as a Hugging Face folder opens again, bit for bit, and says how it was made', async () => {
    const model = await nano();
    const files = await unpacked(exportedFiles(model, 'hf', RECORD));
    const again = await openModelFolder('again', files);
    expect(await readTensors(again.weights)).toEqual(await readTensors(model.weights));
    expect(again.companions).toEqual(model.companions);
    const card = text(files['README.md']);
    expect(card).toMatch(
      /^---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags: \[reft-lab, reft\]\n---/,
    );
    for (const fact of [
      '| test | 30 | 310 of 500 | 62.0 % | 57.7 % to 66.1 % |',
      '| validation | 30 | 130 of 200 | 65.0 % | 58.0 % to 71.3 % |',
      '| SHA-256 of the data | `cd34` |',
      '| SHA-256 of its weights | `ab12` |',
      '| Started from | checkpoint 12 of run r0 |',
      '| Weights | of step 30, the best on validation |',
      '| `learning_rate` | 3e-7 |',
      'reft, preset demo',
    ])
      expect(card).toContain(fact);
  });

  test('as ONNX is a graph that onnxruntime opens, beside the tokenizer', async () => {
    const model = await nano();
    const files = await unpacked(exportedFiles(model, 'onnx', undefined));
    expect(Object.keys(files).sort()).toEqual(
      [...Object.keys(model.companions), 'README.md', 'onnx/model.onnx'].sort(),
    );
    const graph = files['onnx/model.onnx'] ?? new Uint8Array();
    const session = await ort.InferenceSession.create(graph, { executionProviders: ['wasm'] });
    expect(session.outputNames).toContain('present.0.key');
    await session.release();
    expect(text(files['README.md'])).toContain('which has not trained it');
  });

  test('as ONNX with its weights beside it has the same bits, and says so to transformers.js', async () => {
    const model = await nano();
    const one = await chunksOf(exportedFiles(model, 'onnx', RECORD), 'onnx/model.onnx');
    const files = exportedFiles(model, 'onnx', RECORD, undefined, 1000);
    const [graph, data] = [
      await chunksOf(files, 'onnx/model.onnx'),
      await chunksOf(files, 'onnx/model.onnx_data'),
    ];
    const large = (chunks: Uint8Array[]) => chunks.filter((chunk) => chunk.length >= 1024);
    expect(large(graph)).toEqual([]);
    // Between tensors there are zeros up to the next page.
    expect(data.filter((chunk) => chunk.some((byte) => byte !== 0))).toEqual(large(one));
    const config = await chunksOf(files, 'config.json');
    expect(JSON.parse(text(config[0]))).toEqual({
      ...(JSON.parse(text(model.companions['config.json'])) as object),
      'transformers.js_config': { use_external_data_format: true },
    });
  });

  test('as an adapter is the run’s adapter/ with a card, and refused where there is none', async () => {
    const folder = new MemoryFolder();
    await expect(exportedAdapter(folder, RECORD)).rejects.toThrow('ReFT 2 trained the whole model');
    await folder.write('adapter/adapter_config.json', Uint8Array.of(1));
    await folder.write('adapter/adapter_model.safetensors', Uint8Array.of(2, 3));
    const files = await unpacked(await exportedAdapter(folder, RECORD));
    expect(files['adapter_model.safetensors']).toEqual(Uint8Array.of(2, 3));
    expect(text(files['README.md'])).toContain('library_name: peft');
  });
});
