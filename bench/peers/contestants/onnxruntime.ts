/** onnxruntime-web's WebGPU provider on the ONNX that the lab writes; keys and values stay on the GPU. */
import type * as Ort from 'onnxruntime-web';
import { writeOnnx } from '../../../src/model/onnx_writer';
import type { OnnxRuntime } from '../../../src/model/onnx_session';
import { NEW_TOKENS, type Contestant, type Platform, type Trial, type WorkId } from '../contest';
import { argmax, languageWork, promptsOf, type LanguageWork } from '../language';
import { openDevice } from './device';

export const onnxruntimeWeb: Contestant = async (id, platform) => {
  const work = await languageWork(platform);
  return id === 'forward' ? forward(platform, work) : generation(platform, work, id);
};

interface Opened {
  ort: OnnxRuntime;
  session: Ort.InferenceSession;
  device: GPUDevice;
}

async function open(platform: Platform, { model }: LanguageWork, cache: boolean): Promise<Opened> {
  const device = await openDevice(platform.gpu);
  const ort = await platform.onnxRuntime(device);
  const presents = Array.from({ length: model.config.num_hidden_layers }, (_, l) => [
    `present.${l}.key`,
    `present.${l}.value`,
  ]).flat();
  const onGpu = cache ? presents : ['logits'];
  const session = await ort.InferenceSession.create(
    await writeOnnx(model.config, model.weights, { logits: 'all', cache }).bytes(),
    {
      executionProviders: [{ name: 'webgpu', device, validationMode: 'disabled' }],
      preferredOutputLocation: Object.fromEntries(onGpu.map((name) => [name, 'gpu-buffer' as const])),
      logSeverityLevel: 3,
    },
  );
  return { ort, session, device };
}

/** Logits at every position, left on the GPU. */
async function forward(platform: Platform, work: LanguageWork): Promise<Trial> {
  const { ort, session, device } = await open(platform, work, false);
  const { rows } = work;
  const [B, T] = [rows.length, rows[0]?.length ?? 0];
  const feeds = {
    input_ids: int64(ort, rows),
    position_ids: int64(
      ort,
      rows.map((row) => row.map((_, t) => t)),
    ),
  };
  const run = async (): Promise<Ort.Tensor> => {
    const { logits } = await session.run(feeds);
    if (!logits) throw new Error('the model has no output "logits"');
    return logits;
  };
  const logits = await run();
  const values = (await logits.getData(true)) as Float32Array;
  const V = values.length / (B * T);
  const answer = rows.flatMap((row, b) =>
    row.slice(1).map((token, t) => logSoftmax(values.subarray((b * T + t) * V, (b * T + t + 1) * V), token)),
  );
  return {
    answer,
    run: async () => {
      const output = await run();
      await device.queue.onSubmittedWorkDone();
      output.dispose();
    },
  };
}

async function generation(platform: Platform, work: LanguageWork, id: WorkId): Promise<Trial> {
  const { ort, session } = await open(platform, work, true);
  const { vocab_size: V, num_hidden_layers: L, num_key_value_heads: NKV, head_dim: HS } = work.model.config;
  const prompts = promptsOf(work, id);
  const B = prompts.length;
  const one = new ort.Tensor('int64', BigInt64Array.of(1n), []);

  const complete = async (): Promise<number[][]> => {
    const completions = prompts.map((): number[] => []);
    let inputs = prompts;
    let length = 0;
    let cache: Record<string, Ort.Tensor> = {};
    for (let l = 0; l < L; l++)
      for (const kind of ['key', 'value'])
        cache[`past_key_values.${l}.${kind}`] = new ort.Tensor('float32', new Float32Array(), [
          B,
          NKV,
          0,
          HS,
        ]);
    for (let step = 0; step < NEW_TOKENS; step++) {
      const fresh = inputs[0]?.length ?? 0;
      const { logits, ...presents } = await session.run({
        input_ids: int64(ort, inputs),
        attention_mask: new ort.Tensor('int64', new BigInt64Array(B * (length + fresh)).fill(1n), [
          B,
          length + fresh,
        ]),
        position_ids: int64(
          ort,
          inputs.map((row) => row.map((_, t) => length + t)),
        ),
        num_logits_to_keep: one,
        ...cache,
      });
      Object.values(cache).forEach((tensor) => tensor.dispose());
      cache = Object.fromEntries(
        Object.entries(presents).map(([name, tensor]) => [
          name.replace('present', 'past_key_values'),
          tensor,
        ]),
      );
      const values = logits?.data as Float32Array;
      inputs = completions.map((completion, b) => {
        const token = argmax(values, b, V);
        completion.push(token);
        return [token];
      });
      length += fresh;
    }
    Object.values(cache).forEach((tensor) => tensor.dispose());
    return completions;
  };
  return { answer: (await complete()).flat(), run: async () => void (await complete()) };
}

const int64 = (ort: OnnxRuntime, rows: readonly (readonly number[])[]): Ort.Tensor =>
  new ort.Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]?.length ?? 0]);

function logSoftmax(logits: Float32Array, token: number): number {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  return (
    (logits[token] ?? Number.NaN) - most - Math.log(logits.reduce((sum, z) => sum + Math.exp(z - most), 0))
  );
}
