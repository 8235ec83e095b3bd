import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import type { Gpu } from '../gpu/device';
import type { OnnxRuntime } from '../model/onnx_session';
import { openNodeGpu } from './node_gpu';

const BUILD = 'onnxruntime-web/ort-wasm-simd-threaded.asyncify';

/**
 * onnxruntime-web's WebGPU build on Dawn in Node, ready for `gpu`. It is made for browsers; three things differ here:
 * it looks for `navigator.gpu` before it believes in WebGPU; it uploads straight from shared WebAssembly memory, which
 * Dawn's `writeBuffer` refuses; and V8's optimizing compiler takes about a minute of two cores over some of its functions,
 * while the baseline compiler is done at once and the work is on the GPU anyway.
 */
export async function loadNodeOnnxRuntime(gpu: Pick<Gpu, 'device'>): Promise<OnnxRuntime> {
  setFlagsFromString('--liftoff-only');
  await announceWebGpu();
  copySharedUploads(gpu.device.queue);
  const ort = await import('onnxruntime-web/webgpu');
  const require = createRequire(import.meta.url);
  const fileUrl = (ending: string): string => pathToFileURL(require.resolve(BUILD + ending)).href;
  ort.env.wasm.wasmPaths = { mjs: fileUrl('.mjs'), wasm: fileUrl('.wasm') };
  ort.env.wasm.numThreads = 1;
  return ort;
}

/** onnxruntime asks it for an adapter, to see that there is one; the device it computes on is the lab's. */
async function announceWebGpu(): Promise<void> {
  const scope = globalThis as unknown as { navigator?: { gpu?: GPU } };
  scope.navigator ??= {};
  scope.navigator.gpu ??= await openNodeGpu();
}

const copying = new WeakSet<GPUQueue>();

function copySharedUploads(queue: GPUQueue): void {
  if (copying.has(queue)) return;
  copying.add(queue);
  const write = queue.writeBuffer.bind(queue);
  queue.writeBuffer = (buffer, offset, data, from = 0, size) => {
    if (!(data instanceof Uint8Array && data.buffer instanceof SharedArrayBuffer)) {
      return write(buffer, offset, data, from, size);
    }
    return write(buffer, offset, data.slice(from, size === undefined ? undefined : from + size));
  };
}
