import { LabError } from '../errors';
import { Arena, part, type Tensor, type View } from '../gpu/arena';
import { qkvWidth, type ModelConfig } from './config';
import { llama } from './families/llama';
import type { Linear } from './layers/linear';
import { memorySource, missingTensor, rowLength, type NamedTensor, type TensorSource } from './tensor_source';

/** One decoder block's parameters. Projections that read the same input are fused, row after row. */
export interface LayerParameters {
  attentionNorm: Tensor;
  /** (QKV, C): query, key and value rows. */
  qkv: Linear;
  /** (C, NH·HS) */
  output: Linear;
  mlpNorm: Tensor;
  /** (2F, C): gate rows, then up rows. */
  gateUp: Linear;
  /** (C, F) */
  down: Linear;
}

/** A Hugging Face tensor as a range of rows of one of ours. */
interface Slice {
  tensor: Tensor;
  row: number;
  shape: number[];
}

export const VALUE_HEAD_WEIGHT = 'v_head.weight';
export const VALUE_HEAD_BIAS = 'v_head.bias';

/** Most bytes of weights read from a source at once. */
const STREAMED_BYTES = 16 * 2 ** 20;

/** A tensor's values, or some rows of them, and where they go. */
export interface Placed {
  view: View;
  data: Float32Array;
}

/**
 * Every parameter of the policy in one flat arena: matrices first (they take weight decay), then norm weights and the
 * value head's bias (they do not). Weights, gradients, both AdamW moments and a frozen reference are five arenas of this
 * one layout, so an element has the same piece and offset in all of them.
 */
export class Parameters {
  readonly arena: Arena;
  readonly embed: Tensor;
  /** The same tensor as `embed` when they are tied. */
  readonly head: Tensor;
  readonly norm: Tensor;
  readonly layers: readonly LayerParameters[];
  readonly valueWeight: Tensor;
  readonly valueBias: Tensor;
  /** Elements of the arena before this one take weight decay. */
  readonly decayEnd: number;
  private readonly slices = new Map<string, Slice>();

  /** `pieceBytes`: most bytes of one buffer. */
  constructor(label: string, config: ModelConfig, pieceBytes = Infinity) {
    const { hidden_size: C, intermediate_size: F, vocab_size: V, head_dim: HS } = config;
    const { num_attention_heads: NH, num_key_value_heads: NKV, num_hidden_layers: L } = config;
    const arena = new Arena(label, 'flat', pieceBytes);
    this.arena = arena;
    const linear = (name: string, out: number, inp: number): Linear => ({
      weight: arena.tensor(name, [out, inp]),
      out,
      inp,
    });

    this.embed = arena.tensor('embed', [V, C]);
    this.slice(llama.embed, this.embed, 0, [V, C]);
    const matrices = Array.from({ length: L }, (_, l) => {
      const prefix = llama.layer(l);
      const qkv = linear(`${prefix}qkv`, qkvWidth(config), C);
      this.slice(prefix + llama.query, qkv.weight, 0, [NH * HS, C]);
      this.slice(prefix + llama.key, qkv.weight, NH * HS, [NKV * HS, C]);
      this.slice(prefix + llama.value, qkv.weight, (NH + NKV) * HS, [NKV * HS, C]);
      const output = linear(`${prefix}output`, C, NH * HS);
      this.slice(prefix + llama.output, output.weight, 0, [C, NH * HS]);
      const gateUp = linear(`${prefix}gate_up`, 2 * F, C);
      this.slice(prefix + llama.gate, gateUp.weight, 0, [F, C]);
      this.slice(prefix + llama.up, gateUp.weight, F, [F, C]);
      const down = linear(`${prefix}down`, C, F);
      this.slice(prefix + llama.down, down.weight, 0, [C, F]);
      return { qkv, output, gateUp, down };
    });
    this.head = config.tie_word_embeddings ? this.embed : arena.tensor('head', [V, C]);
    if (!config.tie_word_embeddings) this.slice(llama.head, this.head, 0, [V, C]);
    this.valueWeight = arena.tensor(VALUE_HEAD_WEIGHT, [1, C]);
    this.slice(VALUE_HEAD_WEIGHT, this.valueWeight, 0, [1, C]);
    this.decayEnd = arena.bytes / 4;

    arena.together(2 * L + 1, [C]);
    this.layers = matrices.map((matrix, l) => {
      const prefix = llama.layer(l);
      const attentionNorm = arena.tensor(`${prefix}attention_norm`, [C]);
      this.slice(prefix + llama.attentionNorm, attentionNorm, 0, [C]);
      const mlpNorm = arena.tensor(`${prefix}mlp_norm`, [C]);
      this.slice(prefix + llama.mlpNorm, mlpNorm, 0, [C]);
      return { ...matrix, attentionNorm, mlpNorm };
    });
    this.norm = arena.tensor('norm', [C]);
    this.slice(llama.norm, this.norm, 0, [C]);
    this.valueBias = arena.tensor(VALUE_HEAD_BIAS, [1]);
    this.slice(VALUE_HEAD_BIAS, this.valueBias, 0, [1]);
  }

  /** The weights of all norms: attention and MLP of each layer in turn, then the last; `normStride` floats apart. */
  get norms(): View {
    const first = this.layers[0]?.attentionNorm ?? this.norm;
    return part(first, 0, this.norm.offset + this.norm.bytes - first.offset);
  }

  get normStride(): number {
    const [first] = this.layers;
    return first ? (first.mlpNorm.offset - first.attentionNorm.offset) / 4 : 0;
  }

  /** Tensors of the right names and shapes, `value(i)` the i-th of all numbers: a model made up. */
  fill(value: (i: number) => number): Map<string, NamedTensor> {
    let i = 0;
    return new Map(
      [...this.slices].map(([name, slice]) => {
        const data = Float32Array.from({ length: viewOf(slice).bytes / 4 }, () => value(i++));
        return [name, { shape: slice.shape, data }];
      }),
    );
  }

  /**
   * Where in this arena named tensors go. Value-head tensors may be left out (zeros then).
   * Errors: `bad_input` naming the first tensor that is missing or has another shape than config.json says.
   */
  place(tensors: ReadonlyMap<string, NamedTensor>): Placed[] {
    this.check(memorySource(tensors, 'model.safetensors'));
    return [...this.slices].map(([name, slice]) => {
      const view = viewOf(slice);
      return { view, data: tensors.get(name)?.data ?? new Float32Array(view.bytes / 4) };
    });
  }

  /** The same of a source, read piece by piece: what came before has been used when the next piece is asked for. */
  async *stream(source: TensorSource): AsyncGenerator<Placed> {
    this.check(source);
    for (const [name, slice] of this.slices) {
      const view = viewOf(slice);
      const [rows = 0] = slice.shape;
      const rowBytes = 4 * rowLength(slice.shape);
      const most = Math.max(1, Math.floor(STREAMED_BYTES / rowBytes));
      for (let row = 0; row < rows; row += most) {
        const count = Math.min(most, rows - row);
        const given = source.shape(name) !== undefined;
        const data = given ? await source.read(name, row, count) : new Float32Array((count * rowBytes) / 4);
        yield { view: part(view, row * rowBytes, count * rowBytes), data };
      }
    }
  }

  /** Errors: `bad_input` as `place`, from names and shapes alone. */
  private check(source: TensorSource): void {
    for (const [name, { shape }] of this.slices) {
      const given = source.shape(name);
      if (!given && (name === VALUE_HEAD_WEIGHT || name === VALUE_HEAD_BIAS)) continue;
      if (!given) throw missingTensor(source.label, name);
      if (given.join() === shape.join()) continue;
      throw new LabError(
        'bad_input',
        `${source.label}: ${name} has shape [${given.join(', ')}], config.json says [${shape.join(', ')}]. ` +
          'Check that both files belong to one model.',
      );
    }
  }

  /** The arena's contents, an array a piece, by Hugging Face name, value head included. */
  unpack(contents: readonly Float32Array[]): Map<string, NamedTensor> {
    const pieceOf = new Map(
      this.arena.pieces.flatMap(({ tensors }, i) => tensors.map((tensor) => [tensor, contents[i]] as const)),
    );
    return new Map(
      [...this.slices].map(([name, slice]) => {
        const { offset, bytes } = viewOf(slice);
        const data = pieceOf.get(slice.tensor)?.slice(offset / 4, (offset + bytes) / 4) ?? new Float32Array();
        return [name, { shape: slice.shape, data }];
      }),
    );
  }

  private slice(name: string, tensor: Tensor, row: number, shape: number[]): void {
    this.slices.set(name, { tensor, row, shape });
  }
}

function viewOf({ tensor, row, shape }: Slice): View {
  const rowBytes = 4 * (tensor.shape[1] ?? 1);
  return part(tensor, row * rowBytes, 4 * shape.reduce((product, dim) => product * dim, 1));
}

/** Parameters of the model itself, without value head and padding. */
export function parameterCount(config: ModelConfig): number {
  const { hidden_size: C, intermediate_size: F, vocab_size: V } = config;
  const attention = qkvWidth(config) * C + C * config.num_attention_heads * config.head_dim;
  const block = attention + 3 * F * C + 2 * C;
  return V * C * (config.tie_word_embeddings ? 1 : 2) + config.num_hidden_layers * block + C;
}
