import type * as Ort from 'onnxruntime-web';
import { LabError } from '../errors';
import type { Gpu } from '../gpu/device';
import { drawReference } from '../kernels/sampler.reference';
import type { AskedModel } from './asked';
import type { Sequence } from './batch';
import type { Completion, GenerationEvents, Prompt, Sampling } from './generate';
import type { LoadedOnnxModel, OnnxModelConfig } from './onnx_folder';
import { openOnnxSession, whileDeviceLives, type OnnxRuntime } from './onnx_session';
import { fromF16 } from './safetensors';

/** Sequences that run together. */
const MOST_ROWS = 16;
/** Bytes of logits that come back from one run. */
const LOGITS_BYTES = 64 * 2 ** 20;
/** What the lab can give a graph, beside past keys and values. */
const INPUTS = ['input_ids', 'attention_mask', 'position_ids', 'num_logits_to_keep', 'use_cache_branch'];
const PAST = /^past_key_values\.\d+\.(key|value)$/;

/** Keys and values by the name of the input they go to. */
type Cache = Record<string, Ort.Tensor>;

/** A sequence under way. */
interface Row {
  index: number;
  prompt: Prompt;
  tokens: number[];
  logprobs: number[];
  finish: Completion['finish'] | undefined;
}

/**
 * A causal language model that someone exported to ONNX, on onnxruntime-web and the lab's GPUDevice: it answers and
 * scores, with past keys and values where the graph takes them. Sequences of one length run together, and none is
 * padded, because exporters differ in what they make of padding. Its draws are those of the lab's own sampler.
 */
export class OnnxModel implements AskedModel {
  private constructor(
    private readonly gpu: Gpu,
    private readonly ort: OnnxRuntime,
    private readonly session: Ort.InferenceSession,
    private readonly config: OnnxModelConfig,
    /** Names of past keys and values; empty for a graph without. */
    private readonly past: readonly string[],
  ) {}

  /** Errors: `unsupported` with onnxruntime's own words, or naming an input that the lab does not know. */
  static async create(
    gpu: Gpu,
    ort: OnnxRuntime,
    model: Omit<LoadedOnnxModel, 'tokenizer' | 'hash'>,
  ): Promise<OnnxModel> {
    const { graph, external, config, name } = model;
    const session = await openOnnxSession(gpu, ort, graph, 'Try another of its files, or the safetensors.', {
      preferredOutputLocation: presentsOnGpu(config),
      ...(external.length ? { externalData: external } : {}),
    });
    const past = session.inputNames.filter((input) => PAST.test(input));
    const unknown = session.inputNames.find((input) => !INPUTS.includes(input) && !past.includes(input));
    if (unknown === undefined && session.outputNames.includes('logits')) {
      return new OnnxModel(gpu, ort, session, config, past);
    }
    const what = unknown === undefined ? 'gives no output "logits"' : `wants an input "${unknown}"`;
    await session.release();
    throw new LabError(
      'unsupported',
      `${name}: ${model.file} ${what}, so it is no causal language model as the lab knows them (input_ids in, logits out).`,
    );
  }

  async generate(
    prompts: readonly Prompt[],
    sampling: Sampling,
    { onProgress, onFinished, onTokens }: GenerationEvents = {},
  ): Promise<Completion[]> {
    const completions: Completion[] = [];
    let finished = 0;
    for (const group of equalLengths(
      prompts.map(({ tokens }) => tokens.length),
      this.config.vocab_size,
    )) {
      const rows = group.map((index): Row => ({
        index,
        prompt: prompts[index] as Prompt,
        tokens: [],
        logprobs: [],
        finish: undefined,
      }));
      await this.complete(rows, sampling, onTokens, async (row) => {
        const { index, tokens, logprobs, finish = 'length' } = row;
        const completion = { tokens, logprobs, finish };
        completions[index] = completion;
        finished += 1;
        onFinished?.(completion, index);
        await onProgress?.(finished);
      });
    }
    return completions;
  }

  async score(sequences: readonly Sequence[]): Promise<{ logp: Float32Array[] }> {
    const { vocab_size: V } = this.config;
    const logp = sequences.map(({ tokens, promptLength }) => new Float32Array(tokens.length - promptLength));
    for (const group of equalLengths(
      sequences.map(({ tokens }) => tokens.length),
      V,
    )) {
      const rows = group.map((index) => Array.from(sequences[index]?.tokens ?? []));
      const { logits, width, cache } = await this.run(rows, 0, this.emptyCache(rows.length), 0);
      release(cache);
      const T = rows[0]?.length ?? 0;
      group.forEach((index, b) => {
        const { promptLength = 0 } = sequences[index] ?? {};
        for (let t = promptLength; t < T; t++) {
          const at = (b * T + t - 1) * width;
          const row = logits.subarray(at, at + V);
          (logp[index] as Float32Array)[t - promptLength] = (row[rows[b]?.[t] ?? 0] ?? NaN) - logSumExp(row);
        }
      });
    }
    return { logp };
  }

  destroy(): void {
    this.session.release().catch(() => undefined);
  }

  /** Continues prompts of one length until each has ended; `done` hears of each as it does. */
  private async complete(
    rows: readonly Row[],
    sampling: Sampling,
    onTokens: GenerationEvents['onTokens'],
    done: (row: Row) => Promise<void>,
  ): Promise<void> {
    const length = rows[0]?.prompt.tokens.length ?? 0;
    const limit = Math.min(sampling.max_new_tokens, this.config.max_position_embeddings - length);
    let cache = this.emptyCache(rows.length);
    let cached = 0;
    for (let step = 0; step < limit && rows.some(({ finish }) => !finish); step++) {
      const whole = rows.map(({ prompt, tokens }) => [...prompt.tokens, ...tokens]);
      const inputs = whole.map((tokens) => tokens.slice(cached));
      const { logits, width, cache: grown } = await this.run(inputs, cached, cache, 1);
      release(cache);
      cache = grown;
      if (this.past.length) cached = length + step;
      const perRow = logits.length / rows.length;
      const { vocab_size: V } = this.config;
      for (const [b, row] of rows.entries()) {
        // Those of the last position, whether the graph gave all of them or that one.
        const at = (b + 1) * perRow - width;
        const last = logits.subarray(at, at + V);
        const { token, logp } = draw(last, row.prompt.id, length - 1 + step, sampling);
        row.tokens.push(token);
        if (row.finish) continue;
        row.logprobs.push(logp);
        if (sampling.eos.includes(token)) row.finish = 'eos';
        else if (step + 1 >= limit) row.finish = 'length';
        if (row.finish) await done({ ...row, tokens: [...row.tokens] });
        else onTokens?.(row.tokens, row.index);
      }
    }
    release(cache);
  }

  /** One run on (B,T) tokens behind `cached` ones: f32 logits of the last `keep` positions (0: all) or of all, `width` each. */
  private async run(
    inputs: readonly (readonly number[])[],
    cached: number,
    cache: Cache,
    keep: number,
  ): Promise<{ logits: Float32Array; width: number; cache: Cache }> {
    const { Tensor } = this.ort;
    const [B, T] = [inputs.length, inputs[0]?.length ?? 0];
    const int64 = (values: readonly number[], dims: number[]): Ort.Tensor =>
      new Tensor('int64', BigInt64Array.from(values, BigInt), dims);
    const feeds: Record<string, () => Ort.Tensor> = {
      input_ids: () => int64(inputs.flat(), [B, T]),
      attention_mask: () => int64(new Array<number>(B * (cached + T)).fill(1), [B, cached + T]),
      position_ids: () =>
        int64(
          inputs.flatMap((row) => row.map((_, t) => cached + t)),
          [B, T],
        ),
      num_logits_to_keep: () => int64([keep], []),
      use_cache_branch: () => new Tensor('bool', [cached > 0], [1]),
    };
    const given = this.session.inputNames.flatMap((name) => {
      const feed = feeds[name];
      return feed ? [[name, feed()] as const] : [];
    });
    const outputs = await whileDeviceLives(
      this.gpu,
      this.session.run({ ...Object.fromEntries(given), ...cache }),
    );
    const { logits, ...rest } = outputs;
    const presents = Object.entries(rest).map(
      ([name, tensor]) => [name.replace('present', 'past_key_values'), tensor] as const,
    );
    const kept = presents.filter(([name]) => this.past.includes(name));
    for (const [name, tensor] of presents) if (!this.past.includes(name)) tensor.dispose();
    if (!logits) throw new LabError('bug', 'onnxruntime-web gave no logits.');
    const width = logits.dims.at(-1) ?? 0;
    return { logits: await floats(logits), width, cache: Object.fromEntries(kept) };
  }

  private emptyCache(B: number): Cache {
    const { Tensor } = this.ort;
    const { num_key_value_heads: NKV, head_dim: HS } = this.config;
    return Object.fromEntries(
      this.past.map((name) => {
        const metadata = this.session.inputMetadata.find((input) => input.name === name);
        const declared = metadata?.isTensor ? metadata : undefined;
        const dim = (axis: number, configured: number): number => {
          const value = declared?.shape[axis];
          return typeof value === 'number' && value > 0 ? value : configured;
        };
        const type = declared?.type === 'float16' ? 'float16' : 'float32';
        const none = type === 'float16' ? noHalves() : new Float32Array();
        return [name, new Tensor(type, none as Float32Array, [B, dim(1, NKV), 0, dim(3, HS)])];
      }),
    );
  }
}

function presentsOnGpu({ num_hidden_layers }: OnnxModelConfig): Record<string, 'gpu-buffer'> {
  const names = Array.from({ length: num_hidden_layers }, (_, l) => [
    `present.${l}.key`,
    `present.${l}.value`,
  ]);
  return Object.fromEntries(names.flat().map((name) => [name, 'gpu-buffer' as const]));
}

/** Which sequences run together, as indices: those of one length, as many as their logits leave room for. */
function equalLengths(lengths: readonly number[], V: number): number[][] {
  const byLength = new Map<number, number[]>();
  lengths.forEach((length, index) => byLength.set(length, [...(byLength.get(length) ?? []), index]));
  return [...byLength].flatMap(([length, indices]) => {
    const rows = Math.max(1, Math.min(MOST_ROWS, Math.floor(LOGITS_BYTES / (4 * V * Math.max(1, length)))));
    return Array.from({ length: Math.ceil(indices.length / rows) }, (_, i) =>
      indices.slice(i * rows, (i + 1) * rows),
    );
  });
}

/** What follows logits (V): the likeliest, or the draw that the lab's own sampler makes for this sequence and position. */
function draw(
  logits: Float32Array,
  sequence: number,
  position: number,
  sampling: Sampling,
): { token: number; logp: number } {
  if (sampling.temperature > 0) return drawReference(Array.from(logits), sequence, position, sampling);
  let token = 0;
  for (let v = 1; v < logits.length; v++) if ((logits[v] ?? NaN) > (logits[token] ?? NaN)) token = v;
  return { token, logp: (logits[token] ?? NaN) - logSumExp(logits) };
}

function logSumExp(logits: Float32Array): number {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  return most + Math.log(logits.reduce((sum, z) => sum + Math.exp(z - most), 0));
}

/** A tensor's values as f32, wherever they lie and whichever width they have; it is let go. */
async function floats(tensor: Ort.Tensor): Promise<Float32Array> {
  const data = await tensor.getData(true);
  if (data instanceof Float32Array) return data;
  return data instanceof Uint16Array ? fromF16(data) : Float32Array.from(data as ArrayLike<number>);
}

/** No f16 numbers, in the array that onnxruntime takes for them here. */
function noHalves(): Uint16Array | object {
  const { Float16Array: Half } = globalThis as { Float16Array?: new () => object };
  return Half ? new Half() : new Uint16Array();
}

function release(cache: Cache): void {
  for (const tensor of Object.values(cache)) tensor.dispose();
}
