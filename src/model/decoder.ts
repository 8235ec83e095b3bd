import type { Tensor, View } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { Plan } from '../gpu/plan';
import { addAttentionForward } from '../kernels/attention';
import {
  addDecodeAttention,
  addRopeAppend,
  kvCopy,
  kvCopyLaunch,
  moveRows,
  moveRowsLaunch,
} from '../kernels/decode';
import { embeddingForward, embeddingForwardLaunch } from '../kernels/embedding';
import { addHeadSample } from '../kernels/lm_head_sample';
import { addMatmul } from '../kernels/matmul';
import { rmsnormConstants, rmsnormForward, rmsnormForwardLaunch } from '../kernels/rmsnorm';
import type { Heads } from '../kernels/rope';
import { addSample } from '../kernels/sampler';
import { logitsStride, type Capacity, type GenerationState, type LayerActivations } from './activations';
import type { Buffers } from './buffers';
import type { ModelConfig } from './config';
import type { Sampling } from './generate';
import { linearForward } from './layers/linear';
import type { LayerDims, Recorder } from './layers/recorder';
import type { LayerParameters } from './parameters';

/** What a prefill, a decoding step or a copy tells its recorded dispatches. */
export interface DecoderDims extends LayerDims {
  /** Packed tokens of a prefill, rows of a decoding step, copies or moves. */
  N: number;
  /** Tokens of the longest copy. */
  longest: number;
  /** Tokens a row of the history holds. */
  Hmax: number;
  sampling: Sampling;
}

/**
 * The model as generation uses it: forward only, six dispatches a layer, nothing kept for a backward. Two residual
 * streams take turns, because no matmul writes what it adds.
 */
export class Decoder {
  /** Keys and values of packed prompts into their slots. */
  readonly prefill: Plan<DecoderDims>;
  /** One token for every row. */
  readonly decode: Plan<DecoderDims>;
  /** The same with top_k and top_p, which need the logits. */
  readonly decodeFiltered: Plan<DecoderDims>;
  /** Prompts from slot to slot. */
  readonly copy: Plan<DecoderDims>;
  /** Rows of the batch. */
  readonly move: Plan<DecoderDims>;
  private readonly gpu: Gpu;
  private readonly config: ModelConfig;
  private readonly capacity: Capacity;
  private readonly buffers: Buffers;
  private readonly state: GenerationState;
  private readonly heads: Heads;
  /** Buffers of one block, used by all of them. */
  private readonly block: LayerActivations;

  constructor(gpu: Gpu, config: ModelConfig, capacity: Capacity, buffers: Buffers, state: GenerationState) {
    const [block] = buffers.activations.layers;
    if (!block) throw new Error('a model has at least one layer');
    this.gpu = gpu;
    this.config = config;
    this.capacity = capacity;
    this.buffers = buffers;
    this.state = state;
    this.block = block;
    const { num_attention_heads: NH, num_key_value_heads: NKV, head_dim: HS } = config;
    this.heads = { NH, NKV, HS };
    const { tokens, positions, slots } = buffers.inputs;
    this.prefill = this.plan('prefill', (plan) => this.recordPrefill(plan, tokens, positions, slots));
    this.decode = this.plan('decode', (plan) => {
      this.recordStep(plan);
      this.recordHead(plan);
    });
    this.decodeFiltered = this.plan('decode from logits', (plan) => {
      this.recordStep(plan);
      this.recordLogits(plan);
    });
    this.copy = this.plan('copy prompts', (plan) => this.recordCopy(plan));
    this.move = this.plan('move rows', (plan) =>
      plan.add(moveRows, this.state, ({ N, Hmax }) => moveRowsLaunch(N, Hmax)),
    );
  }

  /** Bytes of its plans' uniforms. */
  get bytes(): number {
    return this.plans.reduce((sum, plan) => sum + plan.bytes, 0);
  }

  allocate(): void {
    for (const plan of this.plans) plan.allocate();
  }

  destroy(): void {
    for (const plan of this.plans) plan.destroy();
  }

  private get plans(): Plan<DecoderDims>[] {
    return [this.prefill, this.decode, this.decodeFiltered, this.copy, this.move];
  }

  private plan(label: string, record: (plan: Plan<DecoderDims>) => void): Plan<DecoderDims> {
    const plan = new Plan<DecoderDims>(this.gpu, label);
    record(plan);
    return plan;
  }

  private recorder(plan: Plan<DecoderDims>): Recorder<DecoderDims> {
    return { gpu: this.gpu, plan, config: this.config };
  }

  private recordPrefill(plan: Plan<DecoderDims>, tokens: Tensor, positions: Tensor, slots: Tensor): void {
    const { layers } = this.buffers.weights;
    const { qkv, attended: out, lse } = this.block;
    const r = this.recorder(plan);
    this.embed(plan, tokens);
    layers.forEach((own, l) => {
      this.project(r, own);
      this.append(plan, positions, slots, l);
      // Of the last layer, only keys and values are wanted.
      if (l === layers.length - 1) return;
      const buffers = { qkv, tiles: this.buffers.inputs.tiles, out, lse };
      addAttentionForward(plan, buffers, this.heads, ({ tiles }) => tiles);
      this.finish(r, own);
    });
  }

  private recordStep(plan: Plan<DecoderDims>): void {
    const { tokens, positions, slots, keys, values, attentionPartials: partials } = this.state;
    const { qkv, attended: out } = this.block;
    const r = this.recorder(plan);
    this.embed(plan, tokens);
    this.buffers.weights.layers.forEach((own, l) => {
      this.project(r, own);
      this.append(plan, positions, slots, l);
      const [k_cache, v_cache] = [keys[l], values[l]];
      if (!k_cache || !v_cache) return;
      const buffers = { qkv, slots, positions, k_cache, v_cache, partials, out };
      addDecodeAttention(plan, buffers, this.heads, this.capacity.context, ({ N }) => N);
      this.finish(r, own);
    });
    const { hidden_size: C, rms_norm_eps: eps } = this.config;
    const { hidden: normed, rstd } = this.buffers.activations;
    plan.add(
      rmsnormForward,
      { inp: this.block.stream, weight: this.buffers.weights.norm, out: normed, rstd },
      ({ N }) => rmsnormForwardLaunch({ N, C, eps }),
      rmsnormConstants(this.gpu),
    );
  }

  /** The next token of every row, without logits. */
  private recordHead(plan: Plan<DecoderDims>): void {
    const { hidden_size: C, vocab_size: V } = this.config;
    const buffers = {
      ...this.state,
      hidden: this.buffers.activations.hidden,
      weight: this.buffers.weights.head,
    };
    addHeadSample(plan, this.gpu, buffers, ({ N, Hmax, sampling }) => ({ ...sampling, B: N, V, C, Hmax }));
  }

  private recordLogits(plan: Plan<DecoderDims>): void {
    const { hidden_size: C, vocab_size: V } = this.config;
    const { activations, weights, head } = this.buffers;
    const ldv = logitsStride(this.config);
    const product = { a: activations.hidden, b: weights.head, out: head.logits };
    addMatmul(plan, this.gpu, 'nt', product, ({ N }) => ({ M: N, N: V, K: C, ldc: ldv }));
    addSample(plan, { ...this.state, logits: head.logits }, V, ({ N, Hmax, sampling }) => ({
      ...sampling,
      B: N,
      V,
      ldv,
      Hmax,
    }));
  }

  private recordCopy(plan: Plan<DecoderDims>): void {
    const { keys, values, copies } = this.state;
    keys.forEach((k_cache, l) => {
      const v_cache = values[l];
      if (!v_cache) return;
      plan.add(kvCopy, { copies, k_cache, v_cache }, ({ N, longest }) =>
        kvCopyLaunch(N, longest, this.heads, this.capacity.context),
      );
    });
  }

  private embed(plan: Plan<DecoderDims>, tokens: View): void {
    const { hidden_size: C } = this.config;
    const buffers = { tokens, weight: this.buffers.weights.embed, out: this.block.stream };
    plan.add(embeddingForward, buffers, ({ N }) => embeddingForwardLaunch({ N, C }));
  }

  /** stream → qkv. */
  private project(r: Recorder<DecoderDims>, own: LayerParameters): void {
    const norm = { weight: own.attentionNorm, eps: this.config.rms_norm_eps };
    linearForward(r, own.qkv, this.block.stream, this.block.qkv, { norm });
  }

  /** Positions into qkv, keys and values into layer l's cache. */
  private append(plan: Plan<DecoderDims>, positions: View, slots: View, l: number): void {
    const [k_cache, v_cache] = [this.state.keys[l], this.state.values[l]];
    if (!k_cache || !v_cache) return;
    const buffers = {
      qkv: this.block.qkv,
      positions,
      slots,
      table: this.buffers.inputs.rope,
      k_cache,
      v_cache,
    };
    addRopeAppend(plan, buffers, this.heads, this.capacity.context, ({ N }) => N);
  }

  /** attended → middle → stream: the output projection and the MLP, each added to the residual stream. */
  private finish(r: Recorder<DecoderDims>, own: LayerParameters): void {
    const { attended, stream, middle, activated } = this.block;
    const norm = { weight: own.mlpNorm, eps: this.config.rms_norm_eps };
    linearForward(r, own.output, attended, middle, { residual: stream });
    linearForward(r, own.gateUp, middle, activated, { norm, swiglu: true });
    linearForward(r, own.down, activated, stream, { residual: middle });
  }
}
