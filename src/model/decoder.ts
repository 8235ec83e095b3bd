import type { View } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { Plan } from '../gpu/plan';
import {
  addDecodeAttention,
  addRopeAppend,
  kvCopy,
  kvCopyLaunch,
  moveRows,
  moveRowsLaunch,
} from '../kernels/decode';
import { addHeadSample } from '../kernels/lm_head_sample';
import type { Heads } from '../kernels/rope';
import { addSample } from '../kernels/sampler';
import {
  logitsStride,
  type BatchInputs,
  type Capacity,
  type GenerationState,
  type LayerActivations,
} from './activations';
import type { Buffers } from './buffers';
import { headsOf, type ModelConfig } from './config';
import type { Sampling } from './generate';
import { packedAttention, qkNorm, ropeOf, scoresOf } from './layers/attention';
import { embeddingForward } from './layers/embedding';
import { joinStream, normedLinear } from './layers/fused';
import { logitsForward } from './layers/logits';
import { normForward } from './layers/norm';
import type { LayerDims, Recorder } from './layers/recorder';
import { attentionPostNorm, mlpPostNorm, type Attend } from './transformer';

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
 * The model as generation uses it: forward only, nothing kept for a backward, and what a projection reads and what becomes
 * of its product in as few dispatches as there can be: six a layer of Llama, nine of Gemma 3, four more with adapters.
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
    this.heads = headsOf(config);
    this.prefill = this.plan('prefill', (plan) => this.recordPrefill(plan, buffers.inputs));
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

  private recordPrefill(plan: Plan<DecoderDims>, { tokens, positions, slots, tiles }: BatchInputs): void {
    const r = this.recorder(plan);
    const last = this.config.num_hidden_layers - 1;
    const attend: Attend = (layer, l) => {
      this.append(plan, layer, positions, slots, l);
      if (l < last) packedAttention(r, layer, l, tiles);
    };
    this.forward(r, tokens, positions, attend, 'caches');
  }

  private recordStep(plan: Plan<DecoderDims>): void {
    const { tokens, positions, slots, keys, values, attentionPartials: partials } = this.state;
    const attend: Attend = (layer, l) => {
      const { qkv, attended: out } = layer;
      this.append(plan, layer, positions, slots, l);
      const [k_cache, v_cache] = [keys[l], values[l]];
      if (!k_cache || !v_cache) return;
      const buffers = { qkv, slots, positions, k_cache, v_cache, partials, out };
      const scores = scoresOf(this.config, l);
      addDecodeAttention(plan, buffers, this.heads, this.capacity.context, ({ N }) => N, scores);
    };
    this.forward(this.recorder(plan), tokens, positions, attend, 'hidden');
  }

  /**
   * tokens → `activations.hidden`. Where only the caches are wanted, what the last block makes of its keys and values is
   * left out, or without meaning.
   */
  private forward(
    r: Recorder<DecoderDims>,
    tokens: View,
    positions: View,
    attend: Attend,
    wanted: 'hidden' | 'caches',
  ): void {
    const { weights, activations } = this.buffers;
    const { block, config } = this;
    const { stream, activated } = block;
    const attentionRoom = { normed: block.attentionIn, stats: block.attentionStats };
    const mlpRoom = { normed: block.mlpIn, stats: block.mlpStats };
    const activation =
      config.mlp === 'gated' ? { gated: config.activation } : { activated: config.activation };
    embeddingForward(r, tokens, positions, weights, stream);
    for (const [l, own] of weights.layers.entries()) {
      normedLinear(r, own.attentionNorm, own.qkv, stream, block.projected ?? block.qkv, attentionRoom);
      qkNorm(r, own, block);
      attend(block, l);
      if (wanted === 'caches' && l === weights.layers.length - 1) return;
      const attentionNorm = attentionPostNorm(own, block);
      const middle = joinStream(r, own.output, block.attended, attentionNorm, stream, activations.branch);
      const mlpIn = config.block === 'parallel' ? stream : middle;
      normedLinear(r, own.mlpNorm, own.gateUp, mlpIn, activated, mlpRoom, activation);
      joinStream(r, own.down, activated, mlpPostNorm(own, block), middle, stream);
    }
    normForward(r, stream, weights.norm, activations.hidden, activations.stats);
  }

  /** The next token of every row, without logits. */
  private recordHead(plan: Plan<DecoderDims>): void {
    const { hidden_size: C, vocab_size: V, final_softcap } = this.config;
    const { activations, weights } = this.buffers;
    const buffers = { ...this.state, hidden: activations.hidden };
    const dims = ({ N, Hmax, sampling }: DecoderDims) => ({ ...sampling, B: N, V, C, Hmax });
    addHeadSample(plan, this.gpu, buffers, weights.head, dims, final_softcap);
  }

  private recordLogits(plan: Plan<DecoderDims>): void {
    const { vocab_size: V, final_softcap } = this.config;
    const { activations, weights, head } = this.buffers;
    const ldv = logitsStride(this.config);
    logitsForward(this.recorder(plan), weights.head, activations.hidden, head.logits, ({ N }) => N);
    const dims = ({ N, Hmax, sampling }: DecoderDims) => ({ ...sampling, B: N, V, ldv, Hmax });
    addSample(plan, { ...this.state, logits: head.logits }, V, dims, final_softcap);
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

  /** Positions into qkv, keys and values into layer l's cache. */
  private append(
    plan: Plan<DecoderDims>,
    { qkv }: LayerActivations,
    positions: View,
    slots: View,
    l: number,
  ): void {
    const [k_cache, v_cache] = [this.state.keys[l], this.state.values[l]];
    if (!k_cache || !v_cache) return;
    const { table = positions, rotary } = ropeOf(this.config, l, this.buffers.inputs);
    const buffers = { qkv, positions, slots, table, k_cache, v_cache };
    addRopeAppend(plan, buffers, this.heads, this.capacity.context, ({ N }) => N, rotary);
  }
}
