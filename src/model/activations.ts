import { qkNormPartialsShape } from '../kernels/qk_norm';
import { rmsnormPartialsShape } from '../kernels/rmsnorm';
import { Arena, type Tensor } from '../gpu/arena';
import { headScoreFloats } from '../kernels/lm_head_score';
import { decodePartialsShape } from '../kernels/decode';
import { headSampleShape } from '../kernels/lm_head_sample';
import { mostPartialFloats, type SplitRule } from '../kernels/matmul_split';
import type { VocabularyStorage } from '../kernels/vocabulary';
import { headsOf, mlpWidth, normCount, normWidth, qkvWidth, type ModelConfig } from './config';
import { projectionsOf, PROJECTIONS } from './projections';
import { shardRows, type Cuts } from './shards';

/** How much one micro-batch and one burst of generation can hold. Everything is allocated for this, once. */
export interface Capacity {
  /** N: packed tokens of a micro-batch. */
  tokens: number;
  /** B: sequences of a micro-batch. */
  sequences: number;
  /** Longest sequence, prompt and completion: rows of the RoPE table and of the KV cache. */
  context: number;
  /** S: sequences generated at once; at most `tokens`. 0 where nothing is generated. */
  slots: number;
  /** Rows of logits held at once by the LM head. */
  chunk: number;
}

/** What one block's backward needs of its forward. */
export interface LayerActivations {
  /** (N,C) residual stream entering the block. */
  stream: Tensor;
  /** (N) rstd; of LayerNorm (N,2) mean and rstd. */
  attentionStats: Tensor;
  attentionIn: Tensor;
  /** (N,QKV), RoPE applied. */
  qkv: Tensor;
  /** (N,QKV) before the norms of query and key heads, and their rstd (N,NH+NKV), where there are any. */
  projected?: Tensor;
  headStats?: Tensor;
  /** (N,NH·HS) */
  attended: Tensor;
  /** (N,NH) log-sum-exp of the attention scores. */
  lse: Tensor;
  /** (N,C) output of attention and of the MLP, and statistics, where a norm follows before they join the stream. */
  attentionOut?: Tensor;
  attentionOutStats?: Tensor;
  mlpOut?: Tensor;
  mlpOutStats?: Tensor;
  /** (N,C) residual stream between attention and MLP; where both read the same, that. */
  middle: Tensor;
  mlpStats: Tensor;
  mlpIn: Tensor;
  /** (N,2F), of a plain MLP (N,F): before the activation. */
  gateUp: Tensor;
  /** (N,F): not kept, its backward makes it again. */
  activated: Tensor;
}

const roundUp = (n: number, multiple: number): number => Math.ceil(n / multiple) * multiple;

/** Leading dimension of the logits: V rounded up to 4. */
export const logitsStride = (config: ModelConfig): number => roundUp(config.vocab_size, 4);

/**
 * What a forward pass keeps of each block for the backward: `everything`; `checkpoints`, from which the backward computes
 * the rest again, block by block (Chen et al. 2016, arXiv:1604.06174); or `nothing`, where there is no backward.
 */
export type Keep = 'everything' | 'checkpoints' | 'nothing';

/** The stream before each branch, attention's output and its log-sum-exp: neither attention nor its projection is computed again. */
const CHECKPOINTS: readonly (keyof LayerActivations)[] = ['stream', 'middle', 'attended', 'lse'];

/** Buffers of one forward pass. What is not kept of each block is one buffer that all blocks use in turn. */
export class Activations {
  readonly arena = new Arena('activations', 'separate');
  readonly keep: Keep;
  readonly layers: readonly LayerActivations[];
  /** (N,C) output of the last attention or MLP projection, before it joins the stream. */
  readonly branch: Tensor;
  readonly stream: Tensor;
  readonly stats: Tensor;
  /** (N,C) final normed hidden state. */
  readonly hidden: Tensor;

  constructor(config: ModelConfig, { tokens: N }: Capacity, keep: Keep) {
    const { hidden_size: C, intermediate_size: F, num_attention_heads: NH, head_dim: HS } = config;
    const add = (name: string, width: number): Tensor =>
      this.arena.tensor(name, width === 1 ? [N] : [N, width]);
    const stats = normWidth(config) / C;
    const isParallel = config.block === 'parallel';
    const widths: Partial<Record<keyof LayerActivations, number>> = {
      stream: C,
      attentionStats: stats,
      attentionIn: C,
      qkv: qkvWidth(config),
      attended: NH * HS,
      lse: NH,
      ...(isParallel ? {} : { middle: C }),
      mlpStats: stats,
      mlpIn: C,
      gateUp: mlpWidth(config),
      activated: F,
      ...(config.qk_norm ? { projected: qkvWidth(config), headStats: NH + config.num_key_value_heads } : {}),
      ...(config.post_norms
        ? { attentionOut: C, attentionOutStats: stats, mlpOut: C, mlpOutStats: stats }
        : {}),
    };
    const names = Object.keys(widths) as (keyof LayerActivations)[];
    const keeps: Record<Keep, readonly (keyof LayerActivations)[]> = {
      everything: names.filter((name) => name !== 'activated'),
      checkpoints: CHECKPOINTS,
      nothing: [],
    };
    const own = (name: keyof LayerActivations): boolean => keeps[keep].includes(name);
    const tensor = (name: keyof LayerActivations, prefix = ''): Tensor =>
      add(prefix + name, widths[name] ?? 0);
    const shared = new Map(names.filter((name) => !own(name)).map((name) => [name, tensor(name)]));
    // One that all blocks used would be read and written at once by the norm between two of them.
    const other = isParallel && !own('stream') ? tensor('stream', 'other ') : undefined;
    this.keep = keep;
    this.layers = Array.from({ length: config.num_hidden_layers }, (_, l) => {
      const layer = Object.fromEntries(
        names.map((name) => [name, shared.get(name) ?? tensor(name, `${l}.`)]),
      ) as Partial<LayerActivations> as LayerActivations;
      if (other && l % 2) layer.stream = other;
      if (isParallel) layer.middle = layer.stream;
      return layer;
    });
    this.branch = add('branch', C);
    this.stream = add('stream', C);
    this.stats = add('stats', stats);
    this.hidden = add('hidden', C);
  }
}

/** Activation gradients: one set, reused by every block. */
export class ActivationGradients {
  readonly arena = new Arena('activation gradients', 'separate');
  /** (N,C) gradient of the residual stream, accumulated block by block. */
  readonly stream: Tensor;
  /** (N,C) gradient of a norm's output. */
  readonly normed: Tensor;
  /** The same of the MLP's; another where attention's is wanted beside it. */
  readonly mlpNormed: Tensor;
  /** (N,C) gradient of what a norm reads before it joins the stream, where there is one. */
  readonly branch: Tensor | undefined;
  readonly qkv: Tensor;
  readonly attended: Tensor;
  readonly delta: Tensor;
  readonly gateUp: Tensor;
  /** (N,F); its backward leaves in it what the activation gave. */
  readonly activated: Tensor;
  /** What each norm's weight has coming, by blocks of rows: see rmsnorm_backward_weight. */
  readonly norms: Tensor;
  readonly normsShape: readonly [number, number, number];
  /** The same of the norms of query and key heads: see qk_norm_backward. */
  readonly headNorms: Tensor | undefined;
  readonly headNormsShape: readonly [number, number, number];
  /** Partial sums of one product at a time, on adapters and in models where any is split over k. */
  readonly partials: Tensor | undefined;

  /** `head`: how the LM head is stored. */
  constructor(
    config: ModelConfig,
    capacity: Capacity,
    cuts: Cuts,
    rule: SplitRule,
    head?: VocabularyStorage,
  ) {
    const { tokens: N } = capacity;
    const { hidden_size: C, intermediate_size: F, num_attention_heads: NH, head_dim: HS } = config;
    this.normsShape = rmsnormPartialsShape(normCount(config), N, normWidth(config));
    this.norms = this.arena.tensor('dnorms', this.normsShape);
    this.headNormsShape = qkNormPartialsShape(config.num_hidden_layers, N, headsOf(config));
    this.headNorms = config.qk_norm ? this.arena.tensor('dhead_norms', this.headNormsShape) : undefined;
    this.stream = this.arena.tensor('dstream', [N, C]);
    this.normed = this.arena.tensor('dnormed', [N, C]);
    this.mlpNormed = config.block === 'parallel' ? this.arena.tensor('dmlp_normed', [N, C]) : this.normed;
    this.branch = config.post_norms ? this.arena.tensor('dbranch', [N, C]) : undefined;
    this.qkv = this.arena.tensor('dqkv', [N, qkvWidth(config)]);
    this.attended = this.arena.tensor('dattended', [N, NH * HS]);
    this.delta = this.arena.tensor('delta', [N, NH]);
    this.gateUp = this.arena.tensor('dgate_up', [N, mlpWidth(config)]);
    this.activated = this.arena.tensor('dactivated', [N, F]);
    const floats = mostGradientPartials(config, capacity, cuts, rule, head);
    this.partials = floats ? this.arena.tensor('partials', [floats]) : undefined;
  }
}

/** Floats of the partial sums of the largest of all products in the backward of every linear layer. */
function mostGradientPartials(
  config: ModelConfig,
  { tokens, chunk }: Capacity,
  cuts: Cuts,
  rule: SplitRule,
  head: VocabularyStorage | undefined,
): number {
  const block = projectionsOf(config, 0);
  const layers = [
    ...PROJECTIONS.map((name) => ({ ...block[name], rows: tokens })),
    ...shardRows(cuts, config.vocab_size, config.hidden_size, head).map((shard) => ({
      out: shard.rows,
      inp: config.hidden_size,
      rows: Math.min(chunk, tokens),
    })),
  ];
  const floats = layers.flatMap(({ out, inp, rows }) => [
    mostPartialFloats(rule, 'tn', { M: out, N: inp, K: rows }),
    mostPartialFloats(rule, 'nn', { M: rows, N: inp, K: out }),
  ]);
  return Math.max(...floats);
}

export const CONSTANTS = 8;
export const STATISTICS = 16;

/** Buffers of the heads, over the M rows that carry loss. */
export class HeadActivations {
  readonly arena = new Arena('head', 'separate');
  /** (M,C) final hidden states of the rows that carry loss. */
  readonly hidden: Tensor;
  readonly dhidden: Tensor;
  /** (R,ldv) one chunk of logits, overwritten by its gradient; scoring keeps its partials here. */
  readonly logits: Tensor;
  readonly logp: Tensor;
  readonly entropy: Tensor;
  readonly lse: Tensor;
  readonly correct: Tensor;
  readonly value: Tensor;
  readonly dlogp: Tensor;
  readonly dentropy: Tensor;
  readonly dvalue: Tensor;
  /** (M,8) what the objective needs to know of each token. */
  readonly constants: Tensor;
  /** (M,16) what it says of each token, and the column sums. */
  readonly statistics: Tensor;
  readonly sums: Tensor;

  constructor(config: ModelConfig, capacity: Capacity) {
    const M = capacity.tokens;
    const add = (name: string, shape: number[]): Tensor => this.arena.tensor(name, shape);
    this.hidden = add('hidden', [M, config.hidden_size]);
    this.dhidden = add('dhidden', [M, config.hidden_size]);
    const ldv = logitsStride(config);
    const partialRows = Math.ceil(headScoreFloats(M, config.vocab_size) / ldv);
    this.logits = add('logits', [Math.max(capacity.chunk, capacity.slots, partialRows), ldv]);
    this.logp = add('logp', [M]);
    this.entropy = add('entropy', [M]);
    this.lse = add('lse', [M]);
    this.correct = add('correct', [M]);
    this.value = add('value', [M]);
    this.dlogp = add('dlogp', [M]);
    this.dentropy = add('dentropy', [M]);
    this.dvalue = add('dvalue', [M]);
    this.constants = add('constants', [M, CONSTANTS]);
    this.statistics = add('statistics', [M, STATISTICS]);
    this.sums = add('sums', [STATISTICS]);
  }
}

/** Indices of the batch at hand, uploaded before each micro-batch. */
export class BatchInputs {
  readonly arena = new Arena('batch', 'separate');
  readonly tokens: Tensor;
  readonly positions: Tensor;
  /** (NT,4) attention tiles. */
  readonly tiles: Tensor;
  /** Positions by token, for the embedding's gradient. */
  readonly buckets: Tensor;
  /** The same by position, where positions are learned. */
  readonly positionBuckets: Tensor | undefined;
  /** (M) packed positions that predict a completion token, its inverse (N), and the completion tokens (M). */
  readonly rows: Tensor;
  readonly inverse: Tensor;
  readonly targets: Tensor;
  /** (N) KV-cache slot of each token during prefill. */
  readonly slots: Tensor;
  /** (context,rotary_dim) cosines and sines, by the config's `ropes`. */
  readonly ropes: readonly Tensor[];

  constructor(config: ModelConfig, capacity: Capacity) {
    const N = capacity.tokens;
    this.tokens = this.arena.tensor('tokens', [N]);
    this.positions = this.arena.tensor('positions', [N]);
    // A tile starts at every sequence and every few rows: N + B is more than enough for any tile height.
    this.tiles = this.arena.tensor('tiles', [N + capacity.sequences, 4]);
    this.buckets = this.arena.tensor('buckets', [3 * N + 1]);
    this.positionBuckets = config.learned_positions && this.arena.tensor('position_buckets', [3 * N + 1]);
    this.rows = this.arena.tensor('rows', [N]);
    this.inverse = this.arena.tensor('inverse', [N]);
    this.targets = this.arena.tensor('targets', [N]);
    this.slots = this.arena.tensor('slots', [N]);
    this.ropes = config.ropes.map(({ rotary_dim }, i) =>
      this.arena.tensor(`rope ${i}`, [capacity.context, rotary_dim]),
    );
  }
}

/** KV cache and the state of every sequence being generated, all on the GPU. */
export class GenerationState {
  readonly arena = new Arena('generation', 'separate');
  /** Per layer (S, context, NKV·HS). */
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
  readonly tokens: Tensor;
  readonly positions: Tensor;
  readonly slots: Tensor;
  /** (S,4) sequence id, generated count, limit, finish. */
  readonly state: Tensor;
  /** (S,context,2) token and log-prob of each generated position; a generation uses as much of it as it needs. */
  readonly history: Tensor;
  /** What the LM head keeps of each part of the vocabulary, and attention of each chunk of a long cache. */
  readonly partials: Tensor;
  readonly attentionPartials: Tensor;
  /** (S,4) and (S,2): see kv_copy and move_rows. */
  readonly copies: Tensor;
  readonly moves: Tensor;

  constructor(config: ModelConfig, { slots: S, context }: Capacity) {
    const width = config.num_key_value_heads * config.head_dim;
    const cache = (name: string): Tensor[] =>
      Array.from({ length: config.num_hidden_layers }, (_, l) =>
        this.arena.tensor(`${l}.${name}`, [S, context, width]),
      );
    this.keys = cache('keys');
    this.values = cache('values');
    this.tokens = this.arena.tensor('tokens', [S]);
    this.positions = this.arena.tensor('positions', [S]);
    this.slots = this.arena.tensor('slots', [S]);
    this.state = this.arena.tensor('state', [S, 4]);
    this.history = this.arena.tensor('history', [S, context, 2]);
    this.partials = this.arena.tensor('partials', headSampleShape(S, config.vocab_size));
    const chunks = decodePartialsShape(S, headsOf(config), context);
    this.attentionPartials = this.arena.tensor('attention_partials', chunks);
    this.copies = this.arena.tensor('copies', [S, 4]);
    this.moves = this.arena.tensor('moves', [S, 2]);
  }

  /** Bytes of each read of generation that can be in flight at once: two bursts, and the last of a generation before. */
  get readback(): number[] {
    const bytes = this.state.bytes + this.history.bytes;
    return [bytes, bytes, bytes];
  }
}
