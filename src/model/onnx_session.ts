import type * as Ort from 'onnxruntime-web';
import { LabError } from '../errors';
import type { Gpu } from '../gpu/device';

/** onnxruntime-web's WebGPU build, loaded and told where its .wasm lies: the caller's part, src/worker and src/cli differ. */
export type OnnxRuntime = Pick<typeof Ort, 'InferenceSession' | 'Tensor'>;

/**
 * Opens an ONNX model on the lab's GPUDevice. Errors: `unsupported` with onnxruntime's own words, followed by `advice`;
 * whatever the device met.
 */
export async function openOnnxSession(
  gpu: Gpu,
  ort: OnnxRuntime,
  model: Uint8Array,
  advice: string,
  options: Ort.InferenceSession.SessionOptions = {},
): Promise<Ort.InferenceSession> {
  try {
    const session = await ort.InferenceSession.create(model, {
      // Here and nowhere else: with env.webgpu.device alone, onnxruntime opens a device of its own.
      executionProviders: [{ name: 'webgpu', device: gpu.device }],
      logSeverityLevel: 3,
      ...options,
    });
    gpu.throwIfFailed();
    return session;
  } catch (cause) {
    if (cause instanceof LabError) throw cause;
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new LabError(
      'unsupported',
      `onnxruntime-web could not open the model on this GPU (${words}). ${advice}`,
      { cause },
    );
  }
}

/** onnxruntime's promise, or the device's typed error, whichever comes first; the GPU counts as busy meanwhile. */
export async function whileDeviceLives<T>(gpu: Gpu, running: Promise<T>): Promise<T> {
  const ended = Promise.race([running, gpu.lost.then((error) => Promise.reject(error))]);
  const result = await gpu.busy.until(ended);
  gpu.throwIfFailed();
  return result;
}
