import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as ort from 'onnxruntime-web';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { onnxFolderFiles } from '../../src/model/folder';
import { readGolden } from '../../src/model/goldens/testing';
import { memorySource } from '../../src/model/tensor_source';

// transformers.js, as people use it, on folders that the lab exports: the greedy tokens of transformers itself (the goldens),
// which the lab's own generation is held to in src/model/families.test.ts.

const LIBRARY = 'bench/node_modules/@huggingface/transformers/dist/transformers.node.cjs';
const FAMILIES = ['llama_gqa_untied', 'llama_3_2', 'qwen2', 'gpt2', 'gpt_neox', 'opt', 'qwen3', 'gemma3'];

interface Transformers {
  AutoModelForCausalLM: {
    from_pretrained(
      name: string,
      options: object,
    ): Promise<{ generate(options: object): Promise<{ tolist(): bigint[][] }>; dispose(): Promise<unknown> }>;
  };
  Tensor: new (type: string, data: BigInt64Array, dims: number[]) => object;
  env: Record<string, unknown>;
}

let root: string;
let library: Transformers;

beforeAll(async () => {
  if (!existsSync(LIBRARY)) {
    const install = ['ci', '--prefix', 'bench', '--ignore-scripts', '--no-audit', '--no-fund'];
    expect(spawnSync('npm', install, { encoding: 'utf8' }).stderr).not.toContain('ERR');
  }
  root = await mkdtemp(join(tmpdir(), 'lab-transformers-'));
  // It takes the runtime it finds here instead of one of its own, and names a file where it runs in Node, which the
  // browser's build would look for on the network.
  const require = createRequire(import.meta.url);
  const build = (ending: string): string =>
    pathToFileURL(require.resolve(`onnxruntime-web/ort-wasm-simd-threaded${ending}`)).href;
  ort.env.wasm.wasmPaths = { mjs: build('.mjs'), wasm: build('.wasm') };
  const { InferenceSession } = ort;
  const create = async (model: string | Uint8Array, options?: object) =>
    InferenceSession.create(typeof model === 'string' ? await readFile(model) : model, options);
  const runtime = { ...ort, InferenceSession: { ...InferenceSession, create } };
  Object.assign(globalThis, { [Symbol.for('onnxruntime')]: runtime });
  library = require(resolve(LIBRARY)) as Transformers;
  Object.assign(library.env, {
    allowRemoteModels: false,
    allowLocalModels: true,
    localModelPath: root,
    useWasmCache: false,
  });
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** The golden's model as the lab exports it. */
async function exported(name: string): Promise<void> {
  const { config, tensors } = readGolden(name);
  const companions = { 'config.json': await readFile(`src/model/goldens/${name}/config.json`) };
  const files = await onnxFolderFiles({ companions, config, weights: memorySource(tensors) });
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(root, name, path)), { recursive: true });
    await writeFile(join(root, name, path), bytes);
  }
  expect(await readdir(join(root, name))).toContain('onnx');
}

test.each(FAMILIES)('transformers.js continues an exported %s token for token', async (name) => {
  await exported(name);
  const { AutoModelForCausalLM, Tensor } = library;
  const model = await AutoModelForCausalLM.from_pretrained(name, {
    dtype: 'fp32',
    // With a runtime of the caller's it knows no device by name.
    device: 'gpu',
    session_options: { executionProviders: ['wasm'] },
  });
  const { sequences, max_new_tokens } = readGolden(name).greedy;
  for (const { prompt, completion } of sequences) {
    const dims = [1, prompt.length];
    const output = await model.generate({
      inputs: new Tensor('int64', BigInt64Array.from(prompt, BigInt), dims),
      attention_mask: new Tensor('int64', new BigInt64Array(prompt.length).fill(1n), dims),
      max_new_tokens,
      do_sample: false,
      eos_token_id: null,
    });
    expect(output.tolist()[0]?.slice(prompt.length).map(Number)).toEqual(completion);
  }
  await model.dispose();
});
