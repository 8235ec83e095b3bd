import { LabError } from '../errors';
import { ropeTable } from '../kernels/rope';
import { arrange } from './arrangement';
import type { ModelConfig } from './config';
import { familyOf } from './families';
import type { RopeConfig, TensorNames } from './families/family';
import { END, hiddenKeys, OnnxOps } from './onnx_ops';
import type { OnnxFile } from './onnx_proto';
import { parameterCount } from './parameters';
import { projectionsOf, type Projection } from './projections';
import { tensorPieces, type TensorSource } from './tensor_source';

export interface OnnxOptions {
  /**
   * `all`: logits (B,T,V) at every position, what other tools expect of a causal model. `rows`: a third input `rows` (M)
   * picks positions of the flattened (B·T) batch and the logits are (M,ldv), ldv = V rounded up to 4, the last columns
   * without meaning: what a reference policy needs, and nothing more.
   */
  logits: 'all' | 'rows';
  /**
   * Keys and values go in and out, so that a sequence is continued without computing it again: inputs and outputs as
   * Hugging Face's exporter and transformers.js name them (`onnxFolderFiles`). Only with logits at every position.
   */
  cache?: boolean;
  /** Rows of the tables of positions, `max_position_embeddings` unless told: the longest sequence the file can run. */
  maxPositions?: number;
  /** Name of a file beside the model's that takes its tensors; without it they lie in the model's, which ends at 2 GiB. */
  external?: string;
}

const OPSET = 17;
const IR_VERSION = 8;
/** A score that leaves nothing after softmax; finite, so that no arithmetic on it can give NaN. */
const MASKED = -1e30;
/** Name of the dimension that holds cached and new tokens, as Hugging Face's exporter has it. */
const TOTAL = 'past_sequence_length + sequence_length';
/** Bytes of weights that a file holds: a protobuf message ends at 2 GiB, and the graph takes a little of it. */
export const MOST_INLINE_BYTES = 2 ** 31 - 2 ** 24;

/**
 * Writes a model of any family as an ONNX file (opset 17, standard operators). Inputs: `input_ids` (B,T) and
 * `position_ids` (B,T), int64; a position attends to those of its sequence that are not after it, so right padding needs
 * no mask. Output: `logits`, f32, see `OnnxOptions`. What a decoder is made of is asked of its config, never its family.
 *
 * With `cache` also `attention_mask` (B,P+T), int64, 0 where a token of the P cached and T new ones is padding;
 * `num_logits_to_keep` (), int64, how many last positions get logits, 0 for all; and for every layer
 * `past_key_values.N.{key,value}` (B,NKV,P,HS) in, `present.N.{key,value}` (B,NKV,P+T,HS) out.
 * Weights, by their Hugging Face names, are read when the file's bytes are asked for, one tensor at a time.
 * Errors: `bad_input` when it would pass the 2 GiB a protobuf can hold and they are not to lie beside it.
 */
export function writeOnnx(config: ModelConfig, weights: TensorSource, options: OnnxOptions): OnnxFile {
  if (options.external === undefined) refuseTooLarge(config);
  return new DecoderGraph(config, weights, options).graph.model('reft-lab', OPSET, IR_VERSION);
}

/** Bytes of a model's weights in f32. */
export const onnxBytes = (config: ModelConfig): number => 4 * parameterCount(config);

function refuseTooLarge(config: ModelConfig): void {
  const bytes = onnxBytes(config);
  if (bytes < MOST_INLINE_BYTES) return;
  throw new LabError(
    'bad_input',
    `This model takes ${(bytes / 2 ** 30).toFixed(1)} GiB in f32 and an ONNX graph in memory holds at most 2 GiB. ` +
      'As the reference policy of a run, take the frozen copy.',
  );
}

/** cos and sin (B,1,T,rotary_dim) of every position, for the heads of one RoPE. */
interface Rope {
  cos: string;
  sin: string;
  rotary_dim: number;
}

class DecoderGraph {
  readonly graph: OnnxOps;
  private readonly names: TensorNames;

  constructor(
    private readonly config: ModelConfig,
    private readonly weights: TensorSource,
    options: OnnxOptions,
  ) {
    this.names = familyOf(config).tensors;
    this.graph = new OnnxOps('decoder', options.external);
    this.build(options);
  }

  private build({ logits, maxPositions = Infinity, cache = false }: OnnxOptions): void {
    const { graph, config, names } = this;
    const { hidden_size: C, vocab_size: V, block, layers } = config;
    const ids = graph.input('input_ids', 'int64', ['batch_size', 'sequence_length']);
    const mask = cache ? graph.input('attention_mask', 'int64', ['batch_size', TOTAL]) : undefined;
    const positions = graph.input('position_ids', 'int64', ['batch_size', 'sequence_length']);
    const kept = cache ? graph.input('num_logits_to_keep', 'int64', []) : undefined;
    const rows = logits === 'rows' ? graph.input('rows', 'int64', ['M']) : undefined;
    const ldv = rows ? Math.ceil(V / 4) * 4 : V;
    const length = Math.min(maxPositions, config.max_position_embeddings);
    const embedding = graph.initializer(`${names.embed}.weight`, [ldv, C], () =>
      padded(tensorPieces(this.weights, `${names.embed}.weight`), (ldv - V) * C),
    );
    const ropes = config.ropes.map((rope, i) => this.ropeRows(rope, `rope_${i}`, length, positions));
    const hidden = hiddenKeys(graph, positions, mask, layers);

    let stream = graph.scaled(graph.op('Gather', [embedding, ids], { axis: 0 }), config.embed_scale);
    if (config.learned_positions) stream = this.add(stream, this.learned(positions, length));
    for (let layer = 0; layer < config.num_hidden_layers; layer++) {
      const at = names.layer(layer);
      const { window = 0, rope = 0 } = layers[layer] ?? {};
      const normed = this.norm(stream, at + names.attentionNorm);
      const attended = this.attention(normed, layer, ropes[rope], hidden(window), cache);
      const join = (output: string, post: string | undefined): string =>
        config.post_norms && post !== undefined ? this.norm(output, at + post) : output;
      const before = stream;
      stream = this.add(stream, join(attended, names.attentionPostNorm));
      const mlp = this.mlp(this.norm(block === 'parallel' ? before : stream, at + names.mlpNorm), layer);
      stream = this.add(stream, join(mlp, names.mlpPostNorm));
    }
    if (rows) stream = graph.op('Gather', [graph.reshape(stream, [-1, C]), rows], { axis: 0 });
    if (kept) {
      const first = graph.op('Neg', [graph.reshape(kept, [1])]);
      stream = graph.op('Slice', [stream, first, graph.integers([END]), graph.integers([1])]);
    }
    const final = this.norm(stream, names.norm);
    const head = config.tie_word_embeddings
      ? graph.transpose(embedding, [1, 0])
      : graph.initializer(`${names.head}.weight.T`, [C, ldv], async () =>
          transposed([await this.weights.read(`${names.head}.weight`)], C, ldv),
        );
    const scores = graph.capped(graph.op('MatMul', [final, head]), config.final_softcap);
    graph.node('Identity', [scores], ['logits']);
    graph.output('logits', 'float', rows ? ['M', ldv] : ['batch_size', 'sequence_length', V]);
  }

  private add(a: string, b: string): string {
    return this.graph.op('Add', [a, b]);
  }

  /** A vector of the model as an initializer, `offset` added to each element. */
  private vector(name: string, length: number, offset = 0): string {
    return this.graph.initializer(name, [length], async () =>
      (await this.weights.read(name)).map((value) => value + offset),
    );
  }

  private norm(inp: string, name: string): string {
    const { hidden_size: C, norm } = this.config;
    const weight = this.vector(`${name}.weight`, C, norm.offset);
    if (norm.kind === 'rmsnorm') return this.graph.rmsnorm(inp, weight, norm.eps);
    return this.graph.layernorm(inp, weight, this.vector(`${name}.bias`, C), norm.eps);
  }

  /** x Wᵀ (+ b) of all modules that read x, side by side. */
  private linear(inp: string, { modules, out, inp: K, hasBias, arrangement }: Projection): string {
    const { graph, weights } = this;
    const { head_dim: HS } = this.config;
    const names = modules.map(({ name }) => name).join('+');
    const weight = graph.initializer(`${names}.weight.T`, [K, out], async () => {
      const ours: Float32Array[] = [];
      for (const { name, rows } of modules) {
        const shape = arrangement === 'transposed' ? [K, rows] : [rows, K];
        ours.push(arrange(await weights.read(`${name}.weight`), arrangement, shape, HS));
      }
      return transposed(ours, K, out);
    });
    const product = graph.op('MatMul', [inp, weight]);
    if (!hasBias) return product;
    const bias = graph.initializer(`${names}.bias`, [out], async () => {
      const kind = arrangement === 'heads' ? 'heads' : 'same';
      const ours: Float32Array[] = [];
      for (const { name, rows } of modules)
        ours.push(arrange(await weights.read(`${name}.bias`), kind, [rows], HS));
      return joined(ours);
    });
    return this.add(product, bias);
  }

  /** Rows of the table of learned positions, which stand `offset` rows down in the model's own. */
  private learned(positions: string, length: number): string {
    const { learned_positions, hidden_size: C } = this.config;
    const name = `${this.names.positions}.weight`;
    const first = (learned_positions?.offset ?? 0) * C;
    const table = this.graph.initializer(name, [length, C], async () =>
      (await this.weights.read(name)).slice(first, first + length * C),
    );
    return this.graph.op('Gather', [table, positions], { axis: 0 });
  }

  /** Both halves of what turns turn by the same angles (Hugging Face's order). */
  private ropeRows(rope: RopeConfig, name: string, length: number, positions: string): Rope {
    const { graph } = this;
    const { rotary_dim } = rope;
    const table = graph.initializer(name, [length, rotary_dim], () => {
      const { theta, scaling } = rope;
      return ropeTable(length, rotary_dim, theta, scaling);
    });
    const rows = graph.op('Gather', [table, positions], { axis: 0 });
    const [cos = '', sin = ''] = graph.split(graph.op('Unsqueeze', [rows, graph.integers([1])]), [
      rotary_dim / 2,
      rotary_dim / 2,
    ]);
    const twice = (half: string): string => graph.op('Concat', [half, half], { axis: -1 });
    return { cos: twice(cos), sin: twice(sin), rotary_dim };
  }

  private rotate(heads: string, { cos, sin, rotary_dim }: Rope): string {
    const { graph } = this;
    const rest = this.config.head_dim - rotary_dim;
    const [turning = heads, still] = rest > 0 ? graph.split(heads, [rotary_dim, rest]) : [heads];
    const [first = '', second = ''] = graph.split(turning, [rotary_dim / 2, rotary_dim / 2]);
    const turned = graph.op('Concat', [graph.op('Neg', [second]), first], { axis: -1 });
    const rotated = this.add(graph.op('Mul', [turning, cos]), graph.op('Mul', [turned, sin]));
    return still === undefined ? rotated : graph.op('Concat', [rotated, still], { axis: -1 });
  }

  /** (B,T,count·HS) as heads (B,count,T,HS), normed and turned where the model does that to them. */
  private heads(rows: string, count: number, norm: string | undefined, rope: Rope | undefined): string {
    const { graph, config } = this;
    const { head_dim: HS } = config;
    let heads = graph.reshape(rows, [0, 0, count, HS]);
    if (norm !== undefined) {
      heads = graph.rmsnorm(heads, this.vector(`${norm}.weight`, HS, config.norm.offset), config.norm.eps);
    }
    heads = graph.transpose(heads, [0, 2, 1, 3]);
    return rope ? this.rotate(heads, rope) : heads;
  }

  /** softmax(scale · q kᵀ) v, the G query heads of a key/value head as G·T rows of one product. */
  private attention(
    inp: string,
    layer: number,
    rope: Rope | undefined,
    hidden: string,
    cache: boolean,
  ): string {
    const { graph, config, names } = this;
    const { num_attention_heads: NH, num_key_value_heads: NKV, head_dim: HS, qk_norm } = config;
    const { qkv, output } = projectionsOf(config, layer);
    const at = names.layer(layer);
    const [queryNorm, keyNorm] = qk_norm ? [at + names.queryNorm, at + names.keyNorm] : [];
    const sizes = [NH * HS, NKV * HS, NKV * HS];
    const [q = '', k = '', v = ''] = graph.split(this.linear(inp, qkv), sizes);
    const query = graph.scaled(this.heads(q, NH, queryNorm, rope), config.attention_scale);
    const key = this.continued(this.heads(k, NKV, keyNorm, rope), 'key', layer, cache);
    const value = this.continued(this.heads(v, NKV, undefined, undefined), 'value', layer, cache);

    const grouped = graph.reshape(query, [0, NKV, -1, HS]);
    const products = graph.op('MatMul', [grouped, graph.transpose(key, [0, 1, 3, 2])]);
    const scores = graph.capped(graph.reshape(products, [0, NH, -1, 0]), config.attention_softcap);
    const masked = graph.op('Where', [hidden, graph.scalar(MASKED), scores]);
    const weights = graph.reshape(graph.op('Softmax', [masked], { axis: -1 }), [0, NKV, -1, 0]);
    const apart = graph.reshape(graph.op('MatMul', [weights, value]), [0, NH, -1, HS]);
    const mixed = graph.reshape(graph.transpose(apart, [0, 2, 1, 3]), [0, 0, NH * HS]);
    return this.linear(mixed, output);
  }

  /** Keys or values (B,NKV,T,HS) of a layer behind those of its cache, which grow by them; as they are without a cache. */
  private continued(fresh: string, kind: 'key' | 'value', layer: number, cache: boolean): string {
    if (!cache) return fresh;
    const { num_key_value_heads: NKV, head_dim: HS } = this.config;
    const shape = (length: string) => ['batch_size', NKV, length, HS];
    const past = this.graph.input(`past_key_values.${layer}.${kind}`, 'float', shape('past_sequence_length'));
    const present = `present.${layer}.${kind}`;
    this.graph.node('Concat', [past, fresh], [present], { axis: 2 });
    this.graph.output(present, 'float', shape(TOTAL));
    return present;
  }

  /** down(act(gate(x)) · up(x)), or down(act(up(x))). */
  private mlp(inp: string, layer: number): string {
    const { graph, config } = this;
    const { intermediate_size: F, mlp, activation } = config;
    const { gateUp, down } = projectionsOf(config, layer);
    const projected = this.linear(inp, gateUp);
    if (mlp === 'plain') return this.linear(graph.activation(projected, activation), down);
    const [gate = '', up = ''] = graph.split(projected, [F, F]);
    return this.linear(graph.op('Mul', [graph.activation(gate, activation), up]), down);
  }
}

/** Pieces with so many zeros behind them. */
async function* padded(pieces: AsyncIterable<Float32Array>, zeros: number): AsyncGenerator<Float32Array> {
  yield* pieces;
  if (zeros > 0) yield new Float32Array(zeros);
}

/** Weights (rows,K), one above the other, as (K,columns), columns at least all their rows, the rest zero: ready for x·W. */
function transposed(weights: readonly Float32Array[], K: number, columns: number): Float32Array {
  const out = new Float32Array(K * columns);
  let row = 0;
  for (const weight of weights) {
    for (let i = 0; i < weight.length / K; i++, row++) {
      for (let k = 0; k < K; k++) out[k * columns + row] = weight[i * K + k] ?? Number.NaN;
    }
  }
  return out;
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
