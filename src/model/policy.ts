import { LabError } from '../errors';
import { part } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import type { Plan } from '../gpu/plan';
import type { Stream } from '../gpu/stream';
import type { Objective } from '../kernels/objectives';
import { ropeTable } from '../kernels/rope';
import { CONSTANTS, STATISTICS, type Capacity } from './activations';
import { allLogits } from './all_logits';
import { microBatches, packSequences, type PackedBatch, type Sequence } from './batch';
import type { Buffers, BufferOptions, Trained, TrainingBuffers } from './buffers';
import type { ModelConfig } from './config';
import type { Completion, GenerationEvents, Prompt, Sampling } from './generate';
import type { BatchDims } from './layers/recorder';
import type { OptimizerSettings } from './optimizer';
import { mergedSource } from './lora_merge';
import { isOff } from './lora';
import type { AdapterSet } from './lora_set';
import type { Parameters } from './parameters';
import type { LoraConfig } from './peft';
import type { ReferencePolicy } from './reference';
import { Resources, SCORES_IN_FLIGHT } from './resources';
import {
  joinedSource,
  memorySource,
  readTensors,
  renamedSource,
  type NamedTensor,
  type TensorSource,
} from './tensor_source';
import { joinScores, scoresOf, type Scores } from './scores';
import { uploadBatch } from './upload';
import { windowedReads } from './windowed_reads';

/** What one update did: the objective's column sums over all completion tokens, and the gradient's global norm. */
export interface TrainResult {
  sums: Float32Array;
  /** Completion tokens that were the model's first choice. */
  correct: number;
  grad_norm: number;
}

/** Column of `sums` that counts the tokens that were the model's first choice. */
const CORRECT = STATISTICS - 1;
/** Bytes of weights that may wait for the GPU while they are read. */
const QUEUED_BYTES = 64 * 2 ** 20;

/**
 * Model, value head and optimizer on one GPU: tokens in, (logp, entropy, value) out, and back again from an objective's
 * gradients to updated weights. It knows nothing of rewards or text.
 */
export class Policy {
  readonly gpu: Gpu;
  readonly config: ModelConfig;
  readonly capacity: Capacity;
  readonly stream: Stream;
  private readonly lora: LoraConfig | undefined;
  private readonly resources: Resources;
  private readonly buffers: Buffers;
  /** Updates submitted. */
  private updates = 0;
  /** Updates whose result has not arrived. */
  private pending = 0;
  private diverged = false;
  /** Whether there is an adapter that changes nothing yet. */
  private isAdapterOff: boolean;

  /**
   * Allocates everything for `capacity` and uploads the weights. `tensors`: the model's by Hugging Face name; a value head
   * may be among them. Undefined: `open` reads them. Errors: `bad_input` for missing or misshapen tensors, `out_of_memory`
   * with the numbers.
   */
  constructor(
    gpu: Gpu,
    config: ModelConfig,
    tensors: ReadonlyMap<string, NamedTensor> | undefined,
    capacity: Capacity,
    options: BufferOptions,
  ) {
    this.gpu = gpu;
    this.config = config;
    this.capacity = capacity;
    this.lora = options.lora;
    this.isAdapterOff = options.lora !== undefined;
    this.resources = new Resources(gpu, config, capacity, options);
    this.buffers = this.resources.buffers;
    this.stream = this.resources.stream;
    const { inputs, base } = this.buffers;
    const placed = tensors ? base.place(tensors) : [];
    this.resources.allocate(gpu);
    for (const { view, data } of placed) this.stream.upload(view, data);
    config.ropes.forEach(({ rotary_dim, theta, scaling }, i) => {
      const table = inputs.ropes[i];
      if (table) this.stream.upload(table, ropeTable(capacity.context, rotary_dim, theta, scaling));
    });
  }

  /** The same with weights that are read piece by piece, so that they never stand whole in memory. Errors: as before. */
  static async open(
    gpu: Gpu,
    config: ModelConfig,
    source: TensorSource,
    capacity: Capacity,
    options: BufferOptions,
  ): Promise<Policy> {
    const policy = new Policy(gpu, config, undefined, capacity, options);
    try {
      await policy.load(source);
      return policy;
    } catch (error) {
      policy.destroy();
      throw error;
    }
  }

  /** Bytes on the GPU by purpose; their sum is every byte of every buffer it makes. */
  get bytes(): Record<string, number> {
    return this.resources.bytes;
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
    const tokens = sequences.map((sequence) => sequence.tokens);
    return allLogits(this, this.resources, tokens, (batch) => this.upload(batch));
  }

  /** Completions sampled from the policy as it is; `events` hears of each as soon as it is there. */
  async generate(
    prompts: readonly Prompt[],
    sampling: Sampling,
    events: GenerationEvents = {},
  ): Promise<Completion[]> {
    const { generator } = this.resources;
    if (!generator) throw new Error('this policy was made without room for generation');
    return generator.generate(prompts, sampling, events);
  }

  /**
   * One optimizer step: loss = Σ over completion tokens of what the objective says, gradients accumulated over
   * micro-batches, clipped, AdamW. `constants`: (M_b, 8) per sequence. Statistics are of the policy before the update.
   * Everything is submitted before the first await: a caller that starts the next step before it awaits this one keeps the
   * GPU busy. Errors: `diverged` when the gradient is not finite; then this update, and those already submitted behind it,
   * leave the weights as they were.
   */
  async train(
    sequences: readonly Sequence[],
    objective: Objective,
    constants: readonly Float32Array[],
    coefficients: Readonly<Record<string, number>>,
    settings: OptimizerSettings,
  ): Promise<TrainResult> {
    const { norm } = this.trainingBuffers();
    const { sums } = this.buffers.head;
    const { collect, update, expand } = this.resources.plans;
    if (this.diverged && this.pending === 0) {
      this.stream.upload(norm, new Float32Array(4));
      this.diverged = false;
    }
    const last = this.accumulate(sequences, objective, constants, coefficients);
    this.isAdapterOff = false;
    this.updates += 1;
    this.pending += 1;
    for (const plan of [collect, expand]) plan?.prepare(null);
    update?.prepare({ ...settings, step: this.updates });
    const read = this.stream.read(
      'train',
      (pass) => {
        for (const plan of [last, collect, update, expand]) plan?.encode(pass);
      },
      [sums, norm],
    );
    const results = await read.finally(() => (this.pending -= 1));
    const [all = new Float32Array(STATISTICS), [grad_norm = Number.NaN, , counts = 0] = []] = results.map(
      (bytes) => new Float32Array(bytes),
    );
    if (counts === 0) {
      this.updates -= 1;
      this.diverged = true;
      throw new LabError(
        'diverged',
        `The gradient stopped being a number at update ${this.updates + 1}; the weights are as they were before it. ` +
          'Lower learning_rate or vf_coef and start again from the last checkpoint.',
      );
    }
    return { sums: all, correct: all[CORRECT] ?? Number.NaN, grad_norm };
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
    const last = this.accumulate(sequences, objective, constants, coefficients);
    const { collect } = this.resources.plans;
    collect?.prepare(null);
    this.stream.submit((pass) => {
      for (const plan of [last, collect]) plan?.encode(pass);
    });
    const named = await this.read(training.gradients);
    this.clear(training.gradients);
    return named;
  }

  /** Replaces the value head: weight (C), bias (1). */
  setValueHead(weight: Float32Array, bias: Float32Array): void {
    this.stream.upload(this.buffers.weights.valueWeight, weight);
    this.stream.upload(this.buffers.weights.valueBias, bias);
  }

  /** Copies what is trained, as it is, into the frozen reference and returns it as π_ref; an adapter that is off stays out of it. */
  freezeReference(): ReferencePolicy {
    const { base, reference } = this.buffers;
    if (!reference) throw new Error('this policy was made without room for a reference');
    this.buffers.freeze(this.gpu);
    const weights = this.isAdapterOff ? base : reference;
    return {
      kind: 'frozen copy (WGSL)',
      logprobs: async (sequences) => (await this.scoreWith(weights, sequences)).logp,
      destroy: () => undefined,
    };
  }

  /** The weights by Hugging Face name, value head included; an adapter is merged into them. */
  async save(): Promise<Map<string, NamedTensor>> {
    const base = await this.read(this.buffers.base);
    const { lora } = this;
    if (!lora) return base;
    const tensors = await this.saveAdapter();
    const merged = mergedSource(memorySource(base), { config: lora, tensors }, this.config);
    return new Map([...(await readTensors(merged)), ...[...tensors].filter(([name]) => base.has(name))]);
  }

  /**
   * The weights without an adapter, read from the GPU as they are then: a model is written to a file without standing in
   * memory. Until it is read the policy must not change.
   */
  weightsSource(): TensorSource {
    return this.buffers.base.source(windowedReads(this.stream));
  }

  /** Optimizer moments by the names of `saveOptimizer`, in the same way, and the number of updates made. */
  optimizerSource(): { moments: TensorSource; updates: number } {
    const { m, v } = this.trainingBuffers();
    const named = (prefix: string, moment: Trained): TensorSource =>
      renamedSource(moment.source(windowedReads(this.stream)), (name) => prefix + name);
    const moments = joinedSource('the optimizer', [named('exp_avg.', m), named('exp_avg_sq.', v)]);
    return { moments, updates: this.updates };
  }

  /**
   * Replaces the weights, reading them piece by piece; the optimizer is left as it is. Value-head tensors left out become
   * zero. Errors: `bad_input` for missing or misshapen tensors and files that cannot be read.
   */
  async load(source: TensorSource): Promise<void> {
    let queued = 0;
    for await (const { view, data } of this.buffers.base.stream(source)) {
      this.stream.upload(view, data);
      queued += data.byteLength;
      if (queued < QUEUED_BYTES) continue;
      await this.gpu.idle();
      queued = 0;
    }
  }

  /** A and B of every adapted module by PEFT's names, and the value head. */
  async saveAdapter(): Promise<Map<string, NamedTensor>> {
    return this.read(this.adapters().parameters);
  }

  /**
   * Replaces the adapter; the optimizer is left as it is. Value-head tensors left out become zero.
   * Errors: `bad_input` for missing or misshapen tensors.
   */
  loadAdapter(tensors: ReadonlyMap<string, NamedTensor>): void {
    for (const { view, data } of this.adapters().parameters.place(tensors)) this.stream.upload(view, data);
    this.isAdapterOff = isOff(tensors);
    const { expand } = this.resources.plans;
    expand?.prepare(null);
    this.stream.submit((pass) => expand?.encode(pass));
  }

  /** Optimizer moments by Hugging Face name (`exp_avg.`, `exp_avg_sq.` before it) and the number of updates made. */
  async saveOptimizer(): Promise<{ tensors: Map<string, NamedTensor>; updates: number }> {
    const { moments, updates } = this.optimizerSource();
    return { tensors: await readTensors(moments), updates };
  }

  /** Forgets the optimizer's moments and counts updates from 0: a new phase begins. */
  resetOptimizer(): void {
    const { m, v } = this.trainingBuffers();
    for (const moment of [m, v]) this.clear(moment);
    this.updates = 0;
  }

  destroy(): void {
    this.resources.destroy();
  }

  private read(parameters: Trained): Promise<Map<string, NamedTensor>> {
    return readTensors(parameters.source(windowedReads(this.stream)));
  }

  private clear(parameters: Trained): void {
    const encoder = this.gpu.device.createCommandEncoder();
    for (const { buffer } of parameters.arena.pieces) encoder.clearBuffer(buffer);
    this.gpu.device.queue.submit([encoder.finish()]);
  }

  private adapters(): AdapterSet {
    if (!this.buffers.adapters) throw new Error('this policy was made without an adapter');
    return this.buffers.adapters;
  }

  private trainingBuffers(): TrainingBuffers {
    if (!this.buffers.training) throw new Error('this policy was made without room for training');
    return this.buffers.training;
  }

  private async scoreWith(weights: Parameters, sequences: readonly Sequence[]): Promise<Scores> {
    const { head } = this.buffers;
    const plan = this.resources.plans.score.get(weights);
    if (!plan) throw new Error('these weights are not this policy’s');
    const reads: Promise<Scores>[] = [];
    for (const { sequences: group } of microBatches(
      sequences,
      this.capacity.tokens,
      this.capacity.sequences,
    )) {
      await reads.at(-SCORES_IN_FLIGHT);
      const batch = this.pack(group);
      plan.prepare(this.upload(batch));
      const views = [head.logp, head.entropy, head.value].map((view) =>
        part(view, 0, 4 * batch.targets.length),
      );
      const read = this.stream.read('score', (pass) => plan.encode(pass), views);
      const scores = read.then((bytes) => scoresOf(batch, bytes));
      // Awaited below, or dropped because one before it failed: not a rejection nobody handles.
      scores.catch(() => undefined);
      reads.push(scores);
    }
    return joinScores(await Promise.all(reads));
  }

  /**
   * Forward, heads and backward of every micro-batch: gradients and statistics accumulate. One submit each, but for the
   * last, whose plan is returned, prepared, for the submit of the caller; undefined without sequences.
   */
  private accumulate(
    sequences: readonly Sequence[],
    objective: Objective,
    constants: readonly Float32Array[],
    coefficients: Readonly<Record<string, number>>,
  ): Plan<BatchDims> | undefined {
    const { head } = this.buffers;
    const plan = this.resources.plans.train.get(objective);
    if (!plan) throw new Error(`${objective.kernel.name} is not among the objectives`);
    this.stream.upload(head.sums, new Float32Array(STATISTICS));
    const groups = microBatches(sequences, this.capacity.tokens, this.capacity.sequences);
    groups.forEach(({ first, sequences: group }, index) => {
      if (index) this.stream.submit((pass) => plan.encode(pass));
      const batch = this.pack(group);
      const flat = new Float32Array(batch.targets.length * CONSTANTS);
      group.forEach((_, b) => flat.set(constants[first + b] ?? [], (batch.rowStart[b] ?? 0) * CONSTANTS));
      this.stream.upload(head.constants, flat);
      plan.prepare({ ...this.upload(batch), coefficients });
    });
    return groups.length ? plan : undefined;
  }

  /** Errors: `bad_input` when a sequence is longer than the policy was made for. */
  private pack(sequences: readonly Sequence[]): PackedBatch {
    return packSequences(sequences, Math.min(this.capacity.context, this.capacity.tokens));
  }

  private upload(batch: PackedBatch): BatchDims {
    return uploadBatch(this.stream, this.buffers.inputs, batch, this.config);
  }
}
