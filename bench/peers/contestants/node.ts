/** node contestant.js CONTESTANT WORK: one trial on Dawn, its outcome as the last line of stdout. */
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openNodeGpu } from '../../../src/cli/node_gpu';
import { loadNodeOnnxRuntime } from '../../../src/cli/node_onnx';
import type { OnnxRuntime } from '../../../src/model/onnx_session';
import type { ContestantId, Outcome, Platform, WorkId } from '../contest';
import { runTrial } from './trial';

const gpu = await openNodeGpu();
// jax-js asks the browser's name, TensorFlow.js for Node's modules as a CommonJS file finds them.
Object.defineProperty(globalThis, 'navigator', { value: { gpu, userAgent: 'Node' }, configurable: true });
Object.assign(globalThis, { require: createRequire(import.meta.url) });

const platform: Platform = {
  gpu,
  read: async (path) => new Uint8Array(await readFile(join('public', path))),
  onnxRuntime: async (device) => {
    const ort = await loadNodeOnnxRuntime({ device });
    const { InferenceSession } = ort;
    // transformers.js names a file where it runs in Node; the browser's build would look for it on the network.
    const create = async (model: string | Uint8Array, options?: object) =>
      InferenceSession.create(typeof model === 'string' ? await readFile(model) : model, options);
    return { ...ort, InferenceSession: { ...InferenceSession, create } } as OnnxRuntime;
  },
  modelFolder: async (files) => {
    const localModelPath = await mkdtemp(join(tmpdir(), 'lab-peers-'));
    for (const [path, bytes] of Object.entries(files)) {
      const file = join(localModelPath, 'model', path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, bytes);
    }
    return { localModelPath, name: 'model' };
  },
};

const [contestant, work] = process.argv.slice(2) as [ContestantId, WorkId];
const outcome: Outcome = await runTrial(contestant, work, platform);
console.log(JSON.stringify(outcome));
process.exit(0);
