import wasmUrl from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import { LabError } from '../errors';
import type { LoadedModel } from '../model/folder';
import { OnnxReference } from '../model/onnx_reference';
import type { OnnxRuntime } from '../model/onnx_session';
import type { Policy } from '../model/policy';
import type { ReferencePolicy } from '../model/reference';
import type { RunPlan } from '../recipes/plan_run';

/**
 * onnxruntime-web's WebGPU build, fetched when first asked for: 27 MB that most runs never need, served beside the lab's
 * own files. Errors: `unsupported` when it cannot be loaded.
 */
export async function loadOnnxRuntime(): Promise<OnnxRuntime> {
  try {
    const ort = await import('onnxruntime-web/webgpu');
    ort.env.wasm.wasmPaths = { wasm: wasmUrl };
    // More threads would need cross-origin isolation, and the work is the GPU's anyway.
    ort.env.wasm.numThreads = 1;
    return ort;
  } catch (cause) {
    throw new LabError(
      'unsupported',
      'onnxruntime-web could not be loaded. Check the connection and start again, or set reference to frozen.',
      { cause },
    );
  }
}

/** π_ref on onnxruntime-web. */
export async function onnxReference(
  policy: Policy,
  model: LoadedModel,
  plan: RunPlan,
): Promise<ReferencePolicy> {
  const ort = await loadOnnxRuntime();
  return OnnxReference.create(policy.gpu, ort, model.config, await policy.save(), plan.capacity);
}
