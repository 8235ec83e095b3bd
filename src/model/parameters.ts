import { LabError } from '../errors';
import { Arena, part, type Tensor, type View } from '../gpu/arena';
import { decodeRows, encodeRows, rowWords, type Storage } from '../kernels/quantize';
import { vocabularyStorage, type Shard, type ShardRows } from '../kernels/vocabulary';
import { arrange, restore, type Arrangement } from './arrangement';
import { normCount, normWidth, type ModelConfig } from './config';
import { familyOf } from './families';
import type { TensorNames } from './families/family';
import type { Linear, LinearGradient } from './layers/linear';
import type { Norm } from './layers/norm';
import { projectionsOf, PROJECTIONS, type Projection, type ProjectionName } from './projections';
import { shardRows, UNCUT } from './shards';
import { elements, placeSlice, viewOf, type Part, type Placed, type Slice } from './slice';
import { memorySource, missingTensor, rowLength, type NamedTensor, type TensorSource } from './tensor_source';

/** One decoder block's parameters. Projections that read the same input are fused, row after row. */
export interface LayerParameters {
  attentionNorm: Norm;
  /** (QKV, C): query, key and value rows. */
  qkv: Linear;
  /** (2, HS) weights of the norms of query and key heads, where they are normed. */
  qkNorm: Tensor | undefined;
  /** (C, NH·HS) */
  output: Linear;
  /** Where attention's output, and the MLP's, is normed before it joins the stream. */
  attentionPostNorm: Norm | undefined;
  mlpPostNorm: Norm | undefined;
  mlpNorm: Norm;
  /** (2F, C): gate rows, then up rows; of a plain MLP (F, C). */
  gateUp: Linear;
  /** (C, F) */
  down: Linear;
}

/** What a block's backward adds to; what is left out is frozen. */
export type LayerGradients = {
  readonly [P in keyof LayerParameters]?: LayerParameters[P] extends Linear
    ? LinearGradient
    : LayerParameters[P];
};

/** What a model's backward adds to; what is left out is frozen. */
export interface Gradients extends Partial<
  Pick<Parameters, 'embed' | 'positions' | 'head' | 'norms' | 'normStride' | 'headNorms' | 'headNormStride'>
> {
  readonly layers: readonly LayerGradients[];
  readonly valueWeight: Tensor;
  readonly valueBias: Tensor;
}

export const VALUE_HEAD_WEIGHT = 'v_head.weight';
export const VALUE_HEAD_BIAS = 'v_head.bias';
const VALUE_HEAD: readonly string[] = [VALUE_HEAD_WEIGHT, VALUE_HEAD_BIAS];

/** Most bytes of weights read from a source at once. */
const STREAMED_BYTES = 16 * 2 ** 20;

/**
 * Every parameter of the policy in one flat arena: matrices first (they take weight decay), then biases and norms
 * (they do not). Weights, gradients, both AdamW moments and a frozen reference are five arenas of this
 * one layout, so an element has the same piece and offset in all of them.
 */
export class Parameters {
  readonly arena: Arena;
  /** (V,C), in shards where no binding holds it whole. */
  readonly embed: readonly Shard<Tensor>[];
  /** Learned positions, from the rows that none has on. */
  readonly positions: Tensor | undefined;
  /** The same as `embed` when they are tied. */
  readonly head: readonly Shard<Tensor>[];
  readonly norm: Norm;
  readonly layers: readonly LayerParameters[];
  readonly valueWeight: Tensor;
  readonly valueBias: Tensor;
  /** Elements of the arena before this one take weight decay. */
  readonly decayEnd: number;
  private readonly storage: Storage;
  private readonly headDim: number;
  private readonly base: string;
  private readonly slices = new Map<string, Slice>();

  /** `storage`: of the projections' matrices, embedding and head; what is trained is f32. Errors: `out_of_memory` where the vocabulary cannot be cut small enough. */
  constructor(label: string, config: ModelConfig, cuts = UNCUT, storage: Storage = 'f32') {
    const { hidden_size: C, vocab_size: V, num_hidden_layers: L } = config;
    const { tensors: names } = familyOf(config);
    const arena = new Arena(label, 'flat', cuts.pieceBytes);
    this.arena = arena;
    this.storage = storage;
    this.headDim = config.head_dim;
    this.base = names.base;

    const shards = shardRows(cuts, V, C, vocabularyStorage(storage));
    this.embed = this.vocabulary('embed', `${names.embed}.weight`, shards, [V, C]);
    if (config.learned_positions && names.positions) {
      const rows = config.max_position_embeddings + config.learned_positions.offset;
      this.positions = arena.tensor('positions', [rows, C]);
      this.slice(`${names.positions}.weight`, this.positions, 0, [rows, C]);
    }
    const matrices = Array.from({ length: L }, (_, l) => {
      const shapes = projectionsOf(config, l);
      return { shapes, weights: forEach((name) => this.weight(`${l}.${name}`, shapes[name])) };
    });
    this.head = config.tie_word_embeddings
      ? this.embed
      : this.vocabulary('head', `${names.head}.weight`, shards, [V, C]);
    this.valueWeight = arena.tensor(VALUE_HEAD_WEIGHT, [1, C]);
    this.slice(VALUE_HEAD_WEIGHT, this.valueWeight, 0, [1, C]);
    this.decayEnd = arena.bytes / 4;

    const projections = matrices.map(({ shapes, weights }, l) =>
      forEach((name): Linear => {
        const { out, inp } = shapes[name];
        const bias = this.bias(`${l}.${name}`, shapes[name]);
        return { weight: weights[name], bias, out, inp, storage };
      }),
    );
    if (config.qk_norm) arena.together(L, [2, config.head_dim]);
    const qkNorms = matrices.map((_, l) => this.qkNorm(names, l, config));
    arena.together(normCount(config), [normWidth(config)]);
    let norms = 0;
    const norm = (name: string): Norm => this.normOf(name, config, norms++);
    const postNorm = (prefix: string, name?: string): Norm | undefined =>
      name === undefined ? undefined : norm(prefix + name);
    this.layers = projections.map((linears, l) => {
      const prefix = names.layer(l);
      return {
        ...linears,
        qkNorm: qkNorms[l],
        attentionNorm: norm(prefix + names.attentionNorm),
        attentionPostNorm: postNorm(prefix, names.attentionPostNorm),
        mlpNorm: norm(prefix + names.mlpNorm),
        mlpPostNorm: postNorm(prefix, names.mlpPostNorm),
      };
    });
    this.norm = norm(names.norm);
    this.valueBias = arena.tensor(VALUE_HEAD_BIAS, [1]);
    this.slice(VALUE_HEAD_BIAS, this.valueBias, 0, [1]);
  }

  /** The weights of all norms, those of each block in turn, then the last; `normStride` floats apart. */
  get norms(): View {
    const { weight: last } = this.norm;
    const first = this.layers[0]?.attentionNorm.weight ?? last;
    return part(first, 0, last.offset + last.bytes - first.offset);
  }

  get normStride(): number {
    const [first] = this.layers;
    const next = first?.attentionPostNorm ?? first?.mlpNorm;
    return first && next ? (next.weight.offset - first.attentionNorm.weight.offset) / 4 : 0;
  }

  /** The weights of all norms of query and key heads, a block's `headNormStride` floats after the last's. */
  get headNorms(): View | undefined {
    const first = this.layers[0]?.qkNorm;
    const last = this.layers.at(-1)?.qkNorm;
    return first && last && part(first, 0, last.offset + last.bytes - first.offset);
  }

  get headNormStride(): number {
    const [first, second] = this.layers.map(({ qkNorm }) => qkNorm);
    return first && second ? (second.offset - first.offset) / 4 : 0;
  }

  /** Parameters of the model itself, without value head and padding. */
  get count(): number {
    const own = [...this.slices].filter(([name]) => !VALUE_HEAD.includes(name));
    return own.reduce((sum, [, { shape }]) => sum + elements(shape), 0);
  }

  /** Hugging Face names of all of them, value head included. */
  get names(): ReadonlySet<string> {
    return new Set(this.slices.keys());
  }

  /** Tensors of the right names and shapes, `value(i)` the i-th of all numbers: a model made up. */
  fill(value: (i: number) => number): Map<string, NamedTensor> {
    let i = 0;
    return new Map(
      [...this.slices].map(([name, { shape }]) => {
        const data = Float32Array.from({ length: elements(shape) }, () => value(i++));
        return [name, { shape, data }];
      }),
    );
  }

  /**
   * Where in this arena named tensors go. Value-head tensors may be left out (zeros then).
   * Errors: `bad_input` naming the first tensor that is missing or has another shape than config.json says.
   */
  place(tensors: ReadonlyMap<string, NamedTensor>): Placed[] {
    this.check(memorySource(tensors, 'model.safetensors'));
    return [...this.slices].flatMap(([name, slice]) => {
      const given = tensors.get(this.nameIn(name, (other) => tensors.has(other)));
      const data = given ? this.arranged(given.data, slice) : new Float32Array(elements(slice.shape));
      return placeSlice(slice, data);
    });
  }

  /** The same of a source, read piece by piece: what came before has been used when the next piece is asked for. */
  async *stream(source: TensorSource): AsyncGenerator<Placed> {
    this.check(source);
    for (const [name, slice] of this.slices) {
      const stored = this.nameIn(name, (other) => source.shape(other) !== undefined);
      const given = source.shape(stored) !== undefined;
      const length = rowLength(slice.shape);
      for (const own of slice.parts) {
        const view = viewOf(own, slice);
        // What lies otherwise in the file than here is read whole: single projections.
        const isSame = slice.arrangement === 'same';
        const most = isSame ? Math.max(1, Math.floor(STREAMED_BYTES / (4 * length))) : own.rows;
        for (let row = 0; row < own.rows; row += most) {
          const count = Math.min(most, own.rows - row);
          const data = given
            ? await source.read(stored, own.first + row, count)
            : new Float32Array(count * length);
          const words = encodeRows(own.storage, this.arranged(data, slice), own.length);
          yield { view: part(view, (row * view.bytes) / own.rows, words.byteLength), data: words };
        }
      }
    }
  }

  /** Errors: `bad_input` as `place`, from names and shapes alone. */
  private check(source: TensorSource): void {
    for (const [name, { shape }] of this.slices) {
      const given = source.shape(this.nameIn(name, (other) => source.shape(other) !== undefined));
      if (!given && VALUE_HEAD.includes(name)) continue;
      if (!given) throw missingTensor(source.label, name);
      if (given.join() === shape.join()) continue;
      throw new LabError(
        'bad_input',
        `${source.label}: ${name} has shape [${given.join(', ')}], config.json says [${shape.join(', ')}]. ` +
          'Check that both files belong to one model.',
      );
    }
  }

  /** The arena's contents by Hugging Face name, value head included, read by `readBack` when they are wanted. */
  source(readBack: (view: View) => Promise<ArrayBuffer>): TensorSource {
    const { headDim, slices } = this;
    const shape = (name: string): number[] | undefined => slices.get(name)?.shape;
    return {
      label: this.arena.label,
      names: [...slices.keys()],
      shape,
      read: async (name, row = 0, rows = (shape(name)?.[0] ?? 0) - row) => {
        const slice = slices.get(name);
        if (!slice) throw missingTensor(this.arena.label, name);
        const length = rowLength(slice.shape);
        // What lies otherwise here than in files is read whole.
        const [from, count] = slice.arrangement === 'same' ? [row, rows] : [0, slice.shape[0] ?? 0];
        const data = new Float32Array(count * length);
        for (const own of slice.parts) {
          const begin = Math.max(from, own.first);
          const end = Math.min(from + count, own.first + own.rows);
          if (begin >= end) continue;
          const view = viewOf(own, slice);
          const rowBytes = view.bytes / own.rows;
          const bytes = await readBack(part(view, (begin - own.first) * rowBytes, (end - begin) * rowBytes));
          data.set(decodeRows(own.storage, new Uint32Array(bytes), own.length), (begin - from) * length);
        }
        if (slice.arrangement === 'same') return data;
        const stored = restore(data, slice.arrangement, slice.shape, headDim);
        return stored.subarray(row * length, (row + rows) * length);
      },
    };
  }

  /** What a file calls a tensor: those saved without the head leave out the start of every name. */
  private nameIn(name: string, has: (name: string) => boolean): string {
    const short = name.startsWith(this.base) ? name.slice(this.base.length) : name;
    return !has(name) && has(short) ? short : name;
  }

  private arranged(data: Float32Array, { arrangement, shape }: Slice): Float32Array {
    return arrange(data, arrangement, shape, this.headDim);
  }

  private slice(
    name: string,
    tensor: Tensor,
    row: number,
    shape: number[],
    arrangement: Arrangement = 'same',
    length = elements(shape),
    storage: Storage = 'f32',
  ): void {
    const [rows = 0] = shape;
    const whole = { tensor, row, first: 0, rows, length, storage };
    this.slices.set(name, { shape, arrangement, parts: [whole] });
  }

  /** A (V,C) matrix in shards. */
  private vocabulary(
    label: string,
    name: string,
    shards: readonly ShardRows[],
    shape: [V: number, C: number],
  ): Shard<Tensor>[] {
    const storage = vocabularyStorage(this.storage);
    const [, length] = shape;
    const own = shards.map(({ row0, rows }) => {
      const called = row0 ? `${label} from ${row0}` : label;
      return { weight: this.arena.tensor(called, [rows, rowWords(storage, length)]), row0, rows, storage };
    });
    const parts = own.map(({ weight: tensor, row0: first, rows }): Part => {
      return { tensor, row: 0, first, rows, length, storage };
    });
    this.slices.set(name, { shape, arrangement: 'same', parts });
    return own;
  }

  private weight(name: string, { modules, out, inp, arrangement }: Projection): Tensor {
    const tensor = this.arena.tensor(name, [out, rowWords(this.storage, inp)]);
    let row = 0;
    for (const { name: module, rows } of modules) {
      const shape = arrangement === 'transposed' ? [inp, rows] : [rows, inp];
      this.slice(`${module}.weight`, tensor, row, shape, arrangement, inp, this.storage);
      row += rows;
    }
    return tensor;
  }

  private bias(name: string, { modules, out, hasBias, arrangement }: Projection): Tensor | undefined {
    if (!hasBias) return undefined;
    const tensor = this.arena.tensor(`${name}.bias`, [out]);
    let row = 0;
    for (const { name: module, rows } of modules) {
      this.slice(`${module}.bias`, tensor, row, [rows], arrangement === 'heads' ? 'heads' : 'same');
      row += rows;
    }
    return tensor;
  }

  private qkNorm(names: TensorNames, l: number, config: ModelConfig): Tensor | undefined {
    if (!config.qk_norm) return undefined;
    const { head_dim: HS } = config;
    const weight = this.arena.tensor(`${l}.qk_norm`, [2, HS]);
    [names.queryNorm, names.keyNorm].forEach((name, row) => {
      if (name) this.slice(`${names.layer(l)}${name}.weight`, weight, row, [HS]);
    });
    return weight;
  }

  private normOf(name: string, config: ModelConfig, index: number): Norm {
    const { hidden_size: C, norm } = config;
    const weight = this.arena.tensor(name, norm.kind === 'layernorm' ? [2, C] : [C]);
    this.slice(`${name}.weight`, weight, 0, [C]);
    if (norm.kind === 'layernorm') this.slice(`${name}.bias`, weight, 1, [C]);
    return { weight, index };
  }
}

/** One of something for every projection of a block. */
const forEach = <T>(make: (name: ProjectionName) => T): Record<ProjectionName, T> =>
  Object.fromEntries(PROJECTIONS.map((name) => [name, make(name)])) as Record<ProjectionName, T>;

/** Parameters of the model itself, without value head and padding. */
export const parameterCount = (config: ModelConfig): number => new Parameters('weights', config).count;
