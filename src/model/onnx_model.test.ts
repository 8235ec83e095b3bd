import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../cli/files';
import { loadNodeOnnxRuntime } from '../cli/node_onnx';
import type { Gpu } from '../gpu/device';
import { sharedTestGpu } from '../gpu/testing';
import { expectClose } from '../kernels/compare';
import { onnxFile, openModelFolder } from './folder';
import { flat, readGolden } from './goldens/testing';
import { isOnnxFolder, openOnnxFolder, whyNotTrained } from './onnx_folder';
import { OnnxModel } from './onnx_model';
import { OnnxGraph } from './onnx_proto';
import type { OnnxRuntime } from './onnx_session';
import { writeOnnx } from './onnx_writer';
import { Policy } from './policy';
import { memorySource } from './tensor_source';

const GREEDY = { temperature: 0, top_k: 0, top_p: 1, seed: 0, eos: [] };

let gpu: Gpu;
let ort: OnnxRuntime;
beforeAll(async () => {
  gpu = await sharedTestGpu();
  ort = await loadNodeOnnxRuntime(gpu);
});

// Oracles: transformers (goldens/README.md) for logits and greedy tokens, the lab's own policy for draws.
describe.each([
  { what: 'with past keys and values', cache: true },
  { what: 'without', cache: false },
])('a causal language model in ONNX $what', ({ cache }) => {
  const golden = readGolden('llama_gqa_untied');
  const { config, tensors, greedy } = golden;
  const prompts = greedy.sequences.map(({ prompt }, id) => ({ id, tokens: prompt }));
  let model: OnnxModel;
  beforeAll(async () => {
    const graph = await writeOnnx(config, memorySource(tensors), { logits: 'all', cache }).bytes();
    const loaded = { name: 'golden', file: 'model.onnx', graph, external: [], config };
    model = await OnnxModel.create(gpu, ort, loaded);
  });
  afterAll(() => model.destroy());

  test('continues prompts of different lengths token for token', async () => {
    const heard: number[] = [];
    const completions = await model.generate(
      prompts,
      { ...GREEDY, max_new_tokens: greedy.max_new_tokens },
      { onFinished: (_, index) => heard.push(index) },
    );
    completions.forEach(({ tokens, finish }, i) => {
      expect(tokens).toEqual(greedy.sequences[i]?.completion);
      expect(finish).toBe('length');
    });
    expect(heard.sort()).toEqual(prompts.map(({ id }) => id));
  });

  test('ends at an end token', async () => {
    const eos = greedy.sequences[0]?.completion[1] ?? 0;
    const sampling = { ...GREEDY, eos: [eos], max_new_tokens: greedy.max_new_tokens };
    const [first] = await model.generate(prompts.slice(0, 1), sampling);
    const all = greedy.sequences[0]?.completion ?? [];
    expect(first).toMatchObject({ finish: 'eos', tokens: all.slice(0, all.indexOf(eos) + 1) });
  });

  test('scores completions', async () => {
    const { logp } = await model.score(golden.sequences);
    expect(logp.map(({ length }) => length)).toEqual([10, 0, 27, 1]);
    expectClose('logp', flat(logp), golden.logp, { atol: 1e-4, rtol: 0 });
  });

  test('draws what the lab draws, from the same seed', async () => {
    const sampling = { temperature: 1.3, top_k: 20, top_p: 0.9, seed: 5, eos: [], max_new_tokens: 6 };
    const capacity = { tokens: 64, sequences: 8, context: 64, slots: 8, chunk: 64 };
    const policy = new Policy(gpu, config, tensors, capacity, { trainable: false, reference: false });
    const ours = await policy.generate(prompts, sampling);
    const theirs = await model.generate(prompts, sampling);
    expect(theirs.map(({ tokens }) => tokens)).toEqual(ours.map(({ tokens }) => tokens));
    theirs.forEach(({ logprobs }, i) =>
      expectClose('logprobs', logprobs, ours[i]?.logprobs ?? [], { atol: 1e-4, rtol: 0 }),
    );
    policy.destroy();
  });
});

test('a graph that is no causal language model is refused by what it wants', async () => {
  const graph = new OnnxGraph('encoder');
  graph.input('pixel_values', 'float', [1, 3]);
  graph.node('Relu', ['pixel_values'], ['logits']);
  graph.output('logits', 'float', [1, 3]);
  const { config } = readGolden('llama_mqa_tied');
  const bytes = await graph.model('test', 17, 8).bytes();
  const loaded = { name: 'picture', file: 'model.onnx', graph: bytes, external: [], config };
  await expect(OnnxModel.create(gpu, ort, loaded)).rejects.toThrow(
    'picture: model.onnx wants an input "pixel_values"',
  );
});

describe('a folder of ONNX', () => {
  const read = (name: string): Uint8Array =>
    new Uint8Array(readFileSync(join(packageRoot(), 'public/models/nano', name)));
  const NAMES = ['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json'];
  const companions = (): Record<string, Uint8Array> =>
    Object.fromEntries(NAMES.map((name) => [name, read(name)]));

  test('opens with its tokenizer, the most exact graph first, weights beside it included', async () => {
    const nano = await openModelFolder('nano', {
      ...companions(),
      'model.safetensors': read('model.safetensors'),
    });
    const graph = await onnxFile(nano).bytes();
    const files = {
      ...companions(),
      'onnx/model_q4.onnx': Uint8Array.of(1),
      'onnx/model.onnx': graph,
      'onnx/model.onnx_data': Uint8Array.of(2),
    };
    expect(isOnnxFolder(Object.keys(files))).toBe(true);
    expect(isOnnxFolder([...Object.keys(files), 'model.safetensors'])).toBe(false);
    const model = await openOnnxFolder('nano-onnx', files);
    expect(model).toMatchObject({
      file: 'model.onnx',
      external: [{ path: 'model.onnx_data', data: Uint8Array.of(2) }],
      config: { vocab_size: 560, architecture: 'LlamaForCausalLM' },
    });
    expect(model.graph).toEqual(graph);
    expect(model.tokenizer.eosIds).toEqual(nano.tokenizer.eosIds);
    expect(await model.hash()).toMatch(/^[0-9a-f]{64}$/);
    expect(whyNotTrained(model.name)).toMatch(
      /^nano-onnx is an ONNX graph: .* open the folder with the safetensors/,
    );
  });

  test('without a graph that can begin a sequence, or without a dimension, is refused by name', async () => {
    const files = { ...companions(), 'onnx/decoder_with_past_model.onnx': Uint8Array.of(1) };
    await expect(openOnnxFolder('half', files)).rejects.toThrow(
      'half has no .onnx file that can begin a sequence',
    );
    const config = new TextEncoder().encode('{"model_type":"llama"}');
    const bare = { ...companions(), 'model.onnx': Uint8Array.of(1), 'config.json': config };
    await expect(openOnnxFolder('bare', bare)).rejects.toThrow('config.json: num_attention_heads is missing');
  });
});
