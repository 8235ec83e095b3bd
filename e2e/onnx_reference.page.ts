import { openGpu } from '../src/gpu/device';
import { parseModelConfig } from '../src/model/config';
import { OnnxReference } from '../src/model/onnx_reference';
import { readSafetensors } from '../src/model/safetensors';
import { loadOnnxRuntime } from '../src/worker/onnx';

interface Golden {
  sequences: { prompt: number[]; completion: number[] }[];
  logp: number[];
}

/** Runs in the page: log-probs of a golden's completions by onnxruntime-web's WebGPU build, beside transformers'. */
export async function compare(name: string): Promise<{ actual: number[]; expected: number[]; ms: number }> {
  const file = async (path: string): Promise<Response> => fetch(`/src/model/goldens/${name}/${path}`);
  const golden = (await (await file('golden.json')).json()) as Golden;
  const config = parseModelConfig(await (await file('config.json')).json());
  const weights = readSafetensors(new Uint8Array(await (await file('model.safetensors')).arrayBuffer()));

  const gpu = await openGpu(navigator.gpu, { defaultLimits: true });
  const capacity = { tokens: 64, sequences: 8, context: 64 };
  const reference = await OnnxReference.create(gpu, await loadOnnxRuntime(), config, weights, capacity);
  const sequences = golden.sequences.map(({ prompt, completion }) => ({
    tokens: [...prompt, ...completion],
    promptLength: prompt.length,
  }));
  const begun = performance.now();
  const logp = await reference.logprobs(sequences);
  const ms = performance.now() - begun;
  reference.destroy();
  gpu.throwIfFailed();
  gpu.close();
  return { actual: logp.flatMap((row) => [...row]), expected: golden.logp, ms };
}
