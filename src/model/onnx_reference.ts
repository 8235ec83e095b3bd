import type * as Ort from 'onnxruntime-web';
import { Arena, type Tensor } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { Plan } from '../gpu/plan';
import { Stream } from '../gpu/stream';
import { addLogitsStats, type logitsStats } from '../kernels/lm_head';
import type { Capacity } from './activations';
import type { Sequence } from './batch';
import type { ModelConfig } from './config';
import { paddedGroups, paddedLength, padSequences, type PaddedBatch } from './onnx_batch';
import { openOnnxSession, whileDeviceLives, type OnnxRuntime } from './onnx_session';
import { writeOnnx } from './onnx_writer';
import type { ReferencePolicy } from './reference';
import { memorySource, type NamedTensor } from './tensor_source';

/** Bytes of logits held at once. */
const LOGITS_BYTES = 16 * 2 ** 20;

/**
 * π_ref as the lab's own ONNX export, run by onnxruntime-web on the lab's GPUDevice. onnxruntime writes the logits of
 * completion tokens into a buffer of ours, and our `logits_stats` kernel reads them there: they never leave the GPU. An
 * independent forward pass, so the KL of a policy to it at step 0 checks both. One `logprobs` at a time.
 */
export class OnnxReference implements ReferencePolicy {
  readonly kind = 'ONNX (onnxruntime-web)';
  /** Rows of logits of one session run. */
  private readonly rows: number;
  private readonly ldv: number;
  private readonly arena = new Arena('onnx reference', 'separate');
  private readonly buffers: Record<keyof typeof logitsStats.buffers, Tensor>;
  private readonly plan: Plan<{ R: number }>;
  private readonly stream: Stream;

  private constructor(
    private readonly gpu: Gpu,
    private readonly ort: OnnxRuntime,
    private readonly session: Ort.InferenceSession,
    private readonly config: ModelConfig,
    private readonly capacity: Pick<Capacity, 'tokens' | 'sequences'>,
  ) {
    const V = config.vocab_size;
    const ldv = Math.ceil(V / 4) * 4;
    this.ldv = ldv;
    this.rows = Math.max(1, Math.min(capacity.tokens, Math.floor(LOGITS_BYTES / (4 * ldv))));
    const perRow = (name: string): Tensor => this.arena.tensor(name, [this.rows]);
    this.buffers = {
      logits: this.arena.tensor('logits', [this.rows, ldv]),
      targets: perRow('targets'),
      logp: perRow('logp'),
      entropy: perRow('entropy'),
      lse: perRow('lse'),
      correct: perRow('correct'),
    };
    this.arena.allocate(gpu);
    this.plan = new Plan(gpu, 'onnx reference');
    addLogitsStats(this.plan, gpu, this.buffers, ({ R }) => ({ R, V, ldv, row0: 0 }));
    this.stream = new Stream(gpu);
  }

  /**
   * Writes the model as ONNX and opens it on the GPU. `weights` by Hugging Face tensor name; `capacity` bounds a padded
   * batch and the longest sequence. Errors: `bad_input` over 2 GiB; `unsupported` with onnxruntime's own words.
   */
  static async create(
    gpu: Gpu,
    ort: OnnxRuntime,
    config: ModelConfig,
    weights: ReadonlyMap<string, NamedTensor>,
    capacity: Pick<Capacity, 'tokens' | 'sequences' | 'context'>,
  ): Promise<OnnxReference> {
    const maxPositions = paddedLength(capacity.context);
    const model = writeOnnx(config, memorySource(weights), { logits: 'rows', maxPositions });
    const session = await openOnnxSession(gpu, ort, await model.bytes(), 'Set reference to frozen.');
    return new OnnxReference(gpu, ort, session, config, capacity);
  }

  /** Bytes this class holds on the GPU; onnxruntime's own come on top. */
  get bytes(): number {
    return this.arena.bytes;
  }

  /** Natural-log probability of every completion token, one array a sequence, in the order given. */
  async logprobs(sequences: readonly Sequence[]): Promise<Float32Array[]> {
    const { facts } = this.gpu;
    const groups = paddedGroups(sequences, {
      ...this.capacity,
      tensorBytes: Math.min(facts.maxBufferSize, facts.maxStorageBufferBindingSize),
      heads: this.config.num_attention_heads,
    });
    const results = sequences.map(
      ({ tokens, promptLength }) => new Float32Array(tokens.length - promptLength),
    );
    for (const group of groups) {
      const batch = padSequences(group.flatMap((index) => sequences[index] ?? []));
      const logp = await this.run(batch);
      let at = 0;
      for (const index of group) {
        const result = results[index];
        result?.set(logp.subarray(at, at + result.length));
        at += result?.length ?? 0;
      }
    }
    return results;
  }

  /** (M) log-probs of one padded batch, as many rows of logits at a time as there is room for. */
  private async run({ B, T, input_ids, position_ids, rows, targets }: PaddedBatch): Promise<Float32Array> {
    const { Tensor: OrtTensor } = this.ort;
    const { logits, logp } = this.buffers;
    const result = new Float32Array(rows.length);
    for (let row = 0; row < rows.length; row += this.rows) {
      const R = Math.min(this.rows, rows.length - row);
      const output = OrtTensor.fromGpuBuffer(logits.buffer, { dataType: 'float32', dims: [R, this.ldv] });
      const feeds = {
        input_ids: new OrtTensor('int64', input_ids, [B, T]),
        position_ids: new OrtTensor('int64', position_ids, [B, T]),
        rows: new OrtTensor('int64', rows.slice(row, row + R), [R]),
      };
      await whileDeviceLives(this.gpu, this.session.run(feeds, { logits: output }));
      this.stream.upload(this.buffers.targets, targets.subarray(row, row + R));
      this.plan.prepare({ R });
      const view = { buffer: logp.buffer, offset: 0, bytes: 4 * R };
      const [bytes] = await this.stream.read('reference', (pass) => this.plan.encode(pass), [view]);
      result.set(new Float32Array(bytes ?? new ArrayBuffer(0)), row);
    }
    return result;
  }

  /** Milliseconds spent in our part since the last call; onnxruntime's is not in it. */
  takeTimings(): Record<string, number> {
    return this.stream.takeTimings();
  }

  destroy(): void {
    this.plan.destroy();
    this.stream.destroy();
    this.arena.destroy();
    // What a session of a lost device says when it is let go helps nobody.
    this.session.release().catch(() => undefined);
  }
}
