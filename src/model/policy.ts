import { LabError } from '../errors';
import type { Gpu } from '../gpu/device';
import { Plan } from '../gpu/plan';
import { Stream } from '../gpu/stream';
import { attentionTiles } from '../kernels/attention';
import { bucketTokens } from '../kernels/embedding';
import { addMatmul } from '../kernels/matmul';
import type { Objective } from '../kernels/objectives';
import { ropeTable } from '../kernels/rope';
import { CONSTANTS, logitsStride, STATISTICS, type Capacity } from './activations';
import { microBatches, packSequences, type PackedBatch, type Sequence } from './batch';
import { Buffers, type BufferOptions, type TrainingBuffers } from './buffers';
import type { ModelConfig } from './config';
import { Generator, type Completion, type GenerationEvents, type Prompt, type Sampling } from './generate';
import { packedAttention } from './layers/attention';
import { Heads } from './layers/head';
import type { BatchDims, Recorder } from './layers/recorder';
import { recordUpdate, type OptimizerSettings, type UpdateDims } from './optimizer';
import type { Parameters } from './parameters';
import type { ReferencePolicy } from './reference';
import type { NamedTensor } from './safetensors';
import { transformerBackward, transformerForward } from './transformer';

/** What the policy says of each completion token, one array a sequence. */
export interface Scores {
  logp: Float32Array[];
  entropy: Float32Array[];
  value: Float32Array[];
}

/** What one update did: the objective's column sums over all completion tokens, and the gradient's global norm. */
export interface TrainResult {
  sums: Float32Array;
  /** Completion tokens that were the model's first choice. */
  correct: number;
  grad_norm: number;
}

const NO_ROW = 0xffffffff;

/**
 * Model, value head and optimizer on one GPU: tokens in, (logp, entropy, value) out, and back again from an objective's
 * gradients to updated weights. It knows nothing of rewards or text.
 */
export class Policy {
  readonly gpu: Gpu;
  readonly config: ModelConfig;
  readonly capacity: Capacity;
  readonly stream: Stream;
  private readonly buffers: Buffers;
  private readonly scorePlans = new Map<Parameters, Plan<BatchDims>>();
  private readonly trainPlans = new Map<Objective, Plan<BatchDims>>();
  private readonly updatePlan: Plan<UpdateDims> | undefined;
  private readonly generator: Generator | undefined;
  private updates = 0;

  /**
   * Allocates everything for `capacity` and uploads the weights. `tensors`: the model's by Hugging Face name; a value head
   * may be among them. Errors: `bad_input` for missing or misshapen tensors, `out_of_memory` with the numbers.
   */
  constructor(
    gpu: Gpu,
    config: ModelConfig,
    tensors: ReadonlyMap<string, NamedTensor>,
    capacity: Capacity,
    options: BufferOptions,
  ) {
    this.gpu = gpu;
    this.config = config;
    this.capacity = capacity;
    this.buffers = new Buffers(config, capacity, options);
    const packed = this.buffers.weights.pack(tensors);
    this.buffers.allocate(gpu);
    this.stream = new Stream(gpu);
    const { inputs, training, weights, generation } = this.buffers;
    this.stream.upload(weights.arena.all, packed);
    this.stream.upload(inputs.rope, ropeTable(capacity.context, config.head_dim, config.rope_theta));
    if (training) {
      this.updatePlan = new Plan(gpu, 'update');
      recordUpdate(this.updatePlan, weights, {
        grad: training.gradients.arena.all,
        m: training.m.arena.all,
        v: training.v.arena.all,
        partials: training.partials,
        norm: training.norm,
      });
    }
    if (generation)
      this.generator = new Generator(gpu, config, capacity, this.stream, this.buffers, generation);
  }

  /** Bytes on the GPU by purpose. */
  get bytes(): Record<string, number> {
    return this.buffers.bytes;
  }

  /** log-prob, entropy and value of every completion token. Micro-batches as needed; nothing changes. */
  async score(sequences: readonly Sequence[]): Promise<Scores> {
    return this.scoreWith(this.buffers.weights, sequences);
  }

  /**
   * Logits at every position, (length, V) a sequence: for goldens and for looking inside, not for training. Every sequence
   * must fit one chunk of the LM head.
   */
  async logits(sequences: readonly Sequence[]): Promise<Float32Array[]> {
    const { vocab_size: V, hidden_size: C } = this.config;
    const { activations, head, weights } = this.buffers;
    const ldv = logitsStride(this.config);
    const plan = new Plan<BatchDims>(this.gpu, 'logits');
    this.recordForward(plan, weights);
    const buffers = { a: activations.hidden, b: weights.head, out: head.logits };
    addMatmul(plan, this.gpu, 'nt', buffers, ({ N }) => ({ M: N, N: V, K: C, ldc: ldv }));
    const logits: Float32Array[] = [];
    for (const sequence of sequences) {
      const N = sequence.tokens.length;
      if (N > this.capacity.chunk)
        throw new Error(`${N} tokens do not fit a chunk of ${this.capacity.chunk} rows`);
      plan.prepare(this.upload(this.pack([sequence])));
      const view = { buffer: head.logits.buffer, offset: 0, bytes: 4 * N * ldv };
      const [bytes] = await this.stream.read('score', (pass) => plan.encode(pass), [view]);
      const padded = new Float32Array(bytes ?? new ArrayBuffer(0));
      const rows = new Float32Array(N * V);
      for (let n = 0; n < N; n++) rows.set(padded.subarray(n * ldv, n * ldv + V), n * V);
      logits.push(rows);
    }
    plan.destroy();
    return logits;
  }

  /** Completions sampled from the policy as it is; `events` hears of each as soon as it is there. */
  async generate(
    prompts: readonly Prompt[],
    sampling: Sampling,
    events: GenerationEvents = {},
  ): Promise<Completion[]> {
    if (!this.generator) throw new Error('this policy was made without room for generation');
    return this.generator.generate(prompts, sampling, events);
  }

  /**
   * One optimizer step: loss = Σ over completion tokens of what the objective says, gradients accumulated over
   * micro-batches, clipped, AdamW. `constants`: (M_b, 8) per sequence. Statistics are of the policy before the update.
   * Errors: `diverged` when the gradient is not finite (the weights are left as they were).
   */
  async train(
    sequences: readonly Sequence[],
    objective: Objective,
    constants: readonly Float32Array[],
    coefficients: Readonly<Record<string, number>>,
    settings: OptimizerSettings,
  ): Promise<TrainResult> {
    const { norm: normView } = this.trainingBuffers();
    const { sums: sumsView } = this.buffers.head;
    this.stream.upload(sumsView, new Float32Array(STATISTICS));
    const corrects = this.accumulate(sequences, objective, constants, coefficients);
    this.updates += 1;
    const update = this.updatePlan;
    update?.prepare({ ...settings, step: this.updates });
    const [results, correct] = await Promise.all([
      this.stream.read('train', (pass) => update?.encode(pass), [sumsView, normView]),
      corrects,
    ]);
    const [sums, norm] = results.map((bytes) => new Float32Array(bytes));
    const [grad_norm = Number.NaN, , finite = 0] = norm ?? [];
    if (finite === 0) {
      this.updates -= 1;
      throw new LabError(
        'diverged',
        `The gradient stopped being a number at update ${this.updates + 1}; the weights are as they were before it. ` +
          'Lower learning_rate or vf_coef and start again from the last checkpoint.',
      );
    }
    return { sums: sums ?? new Float32Array(STATISTICS), correct, grad_norm };
  }

  /**
   * Gradients by Hugging Face name of an objective on these sequences, without an update: for the goldens and for
   * looking inside. Leaves accumulated gradients zeroed.
   */
  async gradients(
    sequences: readonly Sequence[],
    objective: Objective,
    constants: readonly Float32Array[],
    coefficients: Readonly<Record<string, number>>,
  ): Promise<Map<string, NamedTensor>> {
    const training = this.trainingBuffers();
    await this.accumulate(sequences, objective, constants, coefficients);
    const [bytes] = await this.stream.readBack([training.gradients.arena.all]);
    const data = new Float32Array(bytes ?? new ArrayBuffer(0));
    this.stream.upload(training.gradients.arena.all, new Float32Array(data.length));
    return training.gradients.unpack(data);
  }

  /** Replaces the value head: weight (C), bias (1). */
  setValueHead(weight: Float32Array, bias: Float32Array): void {
    this.stream.upload(this.buffers.weights.valueWeight, weight);
    this.stream.upload(this.buffers.weights.valueBias, bias);
  }

  /** Copies the weights as they are into the frozen reference and returns it as π_ref. */
  freezeReference(): ReferencePolicy {
    const { reference, weights } = this.buffers;
    if (!reference) throw new Error('this policy was made without room for a reference');
    const encoder = this.gpu.device.createCommandEncoder();
    const { buffer, bytes } = weights.arena.all;
    encoder.copyBufferToBuffer(buffer, 0, reference.arena.all.buffer, 0, bytes);
    this.gpu.device.queue.submit([encoder.finish()]);
    return {
      kind: 'frozen copy (WGSL)',
      logprobs: async (sequences) => (await this.scoreWith(reference, sequences)).logp,
      destroy: () => undefined,
    };
  }

  /** The weights by Hugging Face name, value head included. */
  async save(): Promise<Map<string, NamedTensor>> {
    return this.buffers.weights.unpack(await this.read(this.buffers.weights));
  }

  /** Replaces the weights; the optimizer is left as it is. Value-head tensors left out become zero. */
  load(tensors: ReadonlyMap<string, NamedTensor>): void {
    this.stream.upload(this.buffers.weights.arena.all, this.buffers.weights.pack(tensors));
  }

  /** Optimizer moments by Hugging Face name (`exp_avg.`, `exp_avg_sq.` before it) and the number of updates made. */
  async saveOptimizer(): Promise<{ tensors: Map<string, NamedTensor>; updates: number }> {
    const { m, v } = this.trainingBuffers();
    const tensors = new Map<string, NamedTensor>();
    for (const [prefix, moment] of [
      ['exp_avg.', m],
      ['exp_avg_sq.', v],
    ] as const) {
      for (const [name, tensor] of moment.unpack(await this.read(moment))) tensors.set(prefix + name, tensor);
    }
    return { tensors, updates: this.updates };
  }

  /** Forgets the optimizer's moments and counts updates from 0: a new phase begins. */
  resetOptimizer(): void {
    const { m, v } = this.trainingBuffers();
    for (const moment of [m, v]) this.stream.upload(moment.arena.all, new Float32Array(moment.count));
    this.updates = 0;
  }

  destroy(): void {
    for (const plan of [...this.scorePlans.values(), ...this.trainPlans.values()]) plan.destroy();
    this.updatePlan?.destroy();
    this.generator?.destroy();
    this.stream.destroy();
    this.buffers.destroy();
  }

  private async read(parameters: Parameters): Promise<Float32Array> {
    const [bytes] = await this.stream.readBack([parameters.arena.all]);
    return new Float32Array(bytes ?? new ArrayBuffer(0));
  }

  private trainingBuffers(): TrainingBuffers {
    if (!this.buffers.training) throw new Error('this policy was made without room for training');
    return this.buffers.training;
  }

  private async scoreWith(weights: Parameters, sequences: readonly Sequence[]): Promise<Scores> {
    const { head } = this.buffers;
    const plan = this.scorePlan(weights);
    const scores: Scores = { logp: [], entropy: [], value: [] };
    const groups = microBatches(sequences, this.capacity.tokens, this.capacity.sequences);
    const reads = groups.map(({ sequences: group }) => {
      const batch = this.pack(group);
      plan.prepare(this.upload(batch));
      const M = batch.targets.length;
      const views = [head.logp, head.entropy, head.value].map((view) => ({
        buffer: view.buffer,
        offset: 0,
        bytes: 4 * M,
      }));
      return this.stream
        .read('score', (pass) => plan.encode(pass), views)
        .then((bytes) => ({ batch, bytes }));
    });
    for (const { batch, bytes } of await Promise.all(reads)) {
      const [logp, entropy, value] = bytes.map((part) => new Float32Array(part));
      for (let b = 0; b + 1 < batch.rowStart.length; b++) {
        const [from, to] = [batch.rowStart[b], batch.rowStart[b + 1]];
        scores.logp.push((logp ?? new Float32Array()).slice(from, to));
        scores.entropy.push((entropy ?? new Float32Array()).slice(from, to));
        scores.value.push((value ?? new Float32Array()).slice(from, to));
      }
    }
    return scores;
  }

  /**
   * Forward, heads and backward of every micro-batch, one submit each, before the first await: gradients and statistics
   * accumulate. Resolves to how many completion tokens were the model's first choice.
   */
  private async accumulate(
    sequences: readonly Sequence[],
    objective: Objective,
    constants: readonly Float32Array[],
    coefficients: Readonly<Record<string, number>>,
  ): Promise<number> {
    const { tokens, sequences: most } = this.capacity;
    const { head } = this.buffers;
    const plan = this.trainPlan(objective);
    const corrects = microBatches(sequences, tokens, most).map(({ first, sequences: group }) => {
      const batch = this.pack(group);
      const flat = new Float32Array(batch.targets.length * CONSTANTS);
      group.forEach((_, b) => flat.set(constants[first + b] ?? [], (batch.rowStart[b] ?? 0) * CONSTANTS));
      this.stream.upload(head.constants, flat);
      plan.prepare({ ...this.upload(batch), coefficients });
      const correct = { buffer: head.correct.buffer, offset: 0, bytes: 4 * batch.targets.length };
      return this.stream.read('train', (pass) => plan.encode(pass), [correct]);
    });
    const flags = (await Promise.all(corrects)).map(
      ([bytes]) => new Float32Array(bytes ?? new ArrayBuffer(0)),
    );
    return flags.reduce((total, part) => total + part.reduce((a, b) => a + b, 0), 0);
  }

  private scorePlan(weights: Parameters): Plan<BatchDims> {
    let plan = this.scorePlans.get(weights);
    if (!plan) {
      plan = new Plan<BatchDims>(this.gpu, 'score');
      const { heads } = this.recordForward(plan, weights);
      heads.score(this.buffers.activations.hidden, true);
      this.scorePlans.set(weights, plan);
    }
    return plan;
  }

  private trainPlan(objective: Objective): Plan<BatchDims> {
    let plan = this.trainPlans.get(objective);
    if (!plan) {
      plan = new Plan<BatchDims>(this.gpu, `train ${objective.kernel.name}`);
      const { gradients, activationGradients } = this.trainingBuffers();
      const { activations, weights, inputs } = this.buffers;
      const { recorder, heads } = this.recordForward(plan, weights);
      heads.train(activations.hidden, objective, gradients, activationGradients.normed);
      transformerBackward(recorder, weights, gradients, activations, activationGradients, inputs);
      this.trainPlans.set(objective, plan);
    }
    return plan;
  }

  private recordForward(plan: Plan<BatchDims>, weights: Parameters): { recorder: Recorder; heads: Heads } {
    const { activations, inputs, head } = this.buffers;
    const recorder: Recorder = { gpu: this.gpu, plan, config: this.config };
    transformerForward(
      recorder,
      weights,
      activations,
      inputs.tokens,
      inputs.positions,
      inputs.rope,
      (layer) => packedAttention(recorder, layer, inputs.tiles),
    );
    return { recorder, heads: new Heads(recorder, weights, head, inputs, this.capacity) };
  }

  /** Errors: `bad_input` when a sequence is longer than the policy was made for. */
  private pack(sequences: readonly Sequence[]): PackedBatch {
    for (const { tokens } of sequences) {
      if (tokens.length > Math.min(this.capacity.context, this.capacity.tokens)) {
        throw new LabError(
          'bad_input',
          `A sequence of ${tokens.length} tokens does not fit the context of ${this.capacity.context}. ` +
            'Leave that problem out or choose a model with a longer context.',
        );
      }
    }
    return packSequences(sequences);
  }

  private upload(batch: PackedBatch): BatchDims {
    const { inputs } = this.buffers;
    const { tiles, count } = attentionTiles(batch.seqStart);
    const buckets = bucketTokens(batch.tokens);
    const inverse = new Uint32Array(batch.tokens.length).fill(NO_ROW);
    batch.rows.forEach((n, m) => (inverse[n] = m));
    this.stream.upload(inputs.tokens, batch.tokens);
    this.stream.upload(inputs.positions, batch.positions);
    this.stream.upload(inputs.tiles, tiles);
    this.stream.upload(inputs.buckets, buckets.data);
    this.stream.upload(inputs.rows, batch.rows);
    this.stream.upload(inputs.inverse, inverse);
    this.stream.upload(inputs.targets, batch.targets);
    return {
      N: batch.tokens.length,
      M: batch.targets.length,
      tiles: count,
      distinct: buckets.U,
      coefficients: {},
    };
  }
}
