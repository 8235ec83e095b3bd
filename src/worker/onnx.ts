import wasmUrl from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import type { LoadedModel } from '../model/folder';
import { OnnxReference } from '../model/onnx_reference';
import type { Policy } from '../model/policy';
import type { ReferencePolicy } from '../model/reference';
import type { RunPlan } from '../recipes/plan_run';

/** π_ref on onnxruntime-web, loaded only when a run asks for it; its .wasm is served beside the lab's own files. */
export async function onnxReference(
  policy: Policy,
  model: LoadedModel,
  plan: RunPlan,
): Promise<ReferencePolicy> {
  const ort = await import('onnxruntime-web/webgpu');
  ort.env.wasm.wasmPaths = { wasm: wasmUrl };
  // More threads would need cross-origin isolation, and the work is the GPU's anyway.
  ort.env.wasm.numThreads = 1;
  return OnnxReference.create(policy.gpu, ort, model.config, await policy.save(), plan.capacity);
}
