/** transformers.js: `generate` of a model folder that the lab wrote, on onnxruntime-web's WebGPU provider. */
import { onnxFolderFiles } from '../../../src/model/folder';
import { NEW_TOKENS, type Contestant } from '../contest';
import { languageWork, promptsOf } from '../language';
import { openDevice } from './device';

export const transformersJs: Contestant = async (id, platform) => {
  const work = await languageWork(platform);
  const { config } = work.model;
  const device = await openDevice(platform.gpu);
  // It brings an onnxruntime-web of its own, fetched from elsewhere, and takes the one found here instead.
  const runtime = await platform.onnxRuntime(device);
  Object.assign(globalThis, { [Symbol.for('onnxruntime')]: runtime });
  const { AutoModelForCausalLM, env, Tensor } = await import('@huggingface/transformers');
  const folder = await platform.modelFolder(await onnxFolderFiles(work.model));
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = folder.localModelPath;
  if (folder.fetch) env.fetch = (url: string | URL) => folder.fetch?.(String(url)) as Promise<Response>;
  env.useBrowserCache = false;
  env.useWasmCache = false;
  const presents = Array.from({ length: config.num_hidden_layers }, (_, l) => [
    `present.${l}.key`,
    `present.${l}.value`,
  ]).flat();
  const model = await AutoModelForCausalLM.from_pretrained(folder.name, {
    dtype: 'fp32',
    // With an onnxruntime of the caller's it knows no device by name; these are its own options for 'webgpu'.
    device: 'gpu',
    session_options: {
      executionProviders: [{ name: 'webgpu', device, validationMode: 'disabled' }],
      preferredOutputLocation: Object.fromEntries(presents.map((output) => [output, 'gpu-buffer'])),
    },
  });
  const prompts = promptsOf(work, id);
  const [B, T] = [prompts.length, prompts[0]?.length ?? 0];
  const complete = async (): Promise<number[]> => {
    const output = (await model.generate({
      inputs: new Tensor('int64', BigInt64Array.from(prompts.flat(), BigInt), [B, T]),
      attention_mask: new Tensor('int64', new BigInt64Array(B * T).fill(1n), [B, T]),
      max_new_tokens: NEW_TOKENS,
      do_sample: false,
      eos_token_id: null,
    } as never)) as { tolist(): bigint[][] };
    return output.tolist().flatMap((row) => row.slice(T).map(Number));
  };
  return { answer: await complete(), run: async () => void (await complete()) };
};
