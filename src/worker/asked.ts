import type { Gpu } from '../gpu/device';
import type { AskedModel } from '../model/asked';
import type { AnyModel } from '../model/onnx_folder';
import { OnnxModel } from '../model/onnx_model';
import { openPolicy } from '../recipes/open_policy';
import { loadOnnxRuntime } from './onnx';

/**
 * A model that is only asked, with room for `sequences` of up to `context` tokens: by the lab's kernels, or by
 * onnxruntime-web, which takes the room it needs. Errors: `out_of_memory` with the numbers, `unsupported`.
 */
export async function openAsked(
  gpu: Gpu,
  model: AnyModel,
  context: number,
  sequences: number,
): Promise<AskedModel> {
  if ('graph' in model) return OnnxModel.create(gpu, await loadOnnxRuntime(), model);
  return openPolicy(gpu, model, context, sequences);
}
