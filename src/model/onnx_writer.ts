import { LabError } from '../errors';
import type { ModelConfig } from './config';
import { OnnxGraph } from './onnx_proto';

/** Weights by their Hugging Face tensor names, row-major f32; a linear layer's weight is (out, in). */
export type NamedWeights = (name: string) => Float32Array;

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
  /** Positions in the RoPE table, `max_position_embeddings` unless told: the longest sequence the file can run. */
  maxPositions?: number;
}

const OPSET = 17;
const IR_VERSION = 8;
/** TensorProto.DataType of a Cast. */
const INT32 = 6;
/** A position after every other. */
const NEVER = 2 ** 31 - 1;
/** A score that leaves nothing after softmax; finite, so that no arithmetic on it can give NaN. */
const MASKED = -1e30;
/** Name of the dimension that holds cached and new tokens, as Hugging Face's exporter has it. */
const TOTAL = 'past_sequence_length + sequence_length';
/** A protobuf message cannot be longer. */
const MAX_BYTES = 2 ** 31 - 1;

/**
 * Writes a Llama model as an ONNX file (opset 17, standard operators). Inputs: `input_ids` (B,T) and `position_ids` (B,T),
 * int64; a position attends to those of its sequence that are not after it, so right padding needs no mask. Output:
 * `logits`, f32, see `OnnxOptions`. RMSNorm is spelt out, RoPE reads tables, the query heads of a group are rows of one product.
 *
 * With `cache` also `attention_mask` (B,P+T), int64, 0 where a token of the P cached and T new ones is padding;
 * `num_logits_to_keep` (), int64, how many last positions get logits, 0 for all; and for every layer
 * `past_key_values.N.{key,value}` (B,NKV,P,HS) in, `present.N.{key,value}` (B,NKV,P+T,HS) out.
 * Errors: `bad_input` when the file would pass the 2 GiB a protobuf can hold.
 */
export function writeOnnx(
  config: ModelConfig,
  weights: NamedWeights,
  options: OnnxOptions,
): Uint8Array<ArrayBuffer> {
  if (Object.values(config.bias).includes(true)) {
    throw new LabError('bad_input', 'The lab does not write ONNX files of models with biases yet.');
  }
  refuseTooLarge(config);
  const llama = new LlamaGraph(config, weights, options);
  return llama.graph.model('reft-lab', OPSET, IR_VERSION);
}

function refuseTooLarge(config: ModelConfig): void {
  const { hidden_size: C, intermediate_size: F, num_hidden_layers: L, head_dim: HS, vocab_size: V } = config;
  const heads = 2 * (config.num_attention_heads + config.num_key_value_heads) * HS;
  const parameters = L * C * (heads + 3 * F) + V * C * (config.tie_word_embeddings ? 1 : 2);
  if (4 * parameters < MAX_BYTES - 2 ** 24) return;
  throw new LabError(
    'bad_input',
    `This model takes ${((4 * parameters) / 2 ** 30).toFixed(1)} GiB in f32 and an ONNX file holds at most 2 GiB. ` +
      'Use the frozen copy as the reference policy instead.',
  );
}

type Rope = Record<'cos' | 'sin', string>;

class LlamaGraph {
  readonly graph = new OnnxGraph('llama');
  private readonly config: ModelConfig;
  private readonly weights: NamedWeights;
  private values = 0;

  constructor(config: ModelConfig, weights: NamedWeights, options: OnnxOptions) {
    this.config = config;
    this.weights = weights;
    this.build(options);
  }

  private build({ logits, maxPositions, cache = false }: OnnxOptions): void {
    const { graph, config } = this;
    const { hidden_size: C, vocab_size: V } = config;
    const ids = graph.input('input_ids', 'int64', ['batch_size', 'sequence_length']);
    const mask = cache ? graph.input('attention_mask', 'int64', ['batch_size', TOTAL]) : undefined;
    const positions = graph.input('position_ids', 'int64', ['batch_size', 'sequence_length']);
    const kept = cache ? graph.input('num_logits_to_keep', 'int64', []) : undefined;
    const rows = logits === 'rows' ? graph.input('rows', 'int64', ['M']) : undefined;
    const ldv = rows ? Math.ceil(V / 4) * 4 : V;
    this.constants();

    const embedding = graph.initializer(
      'model.embed_tokens.weight',
      [ldv, C],
      padded(this.weights('model.embed_tokens.weight'), ldv * C),
    );
    const rope = this.ropeTables(
      positions,
      Math.min(maxPositions ?? Infinity, config.max_position_embeddings),
    );
    const hiddenKeys = this.laterPositions(positions, mask);

    let hidden = this.op('Gather', [embedding, ids], { axis: 0 });
    for (let layer = 0; layer < config.num_hidden_layers; layer++) {
      const at = `model.layers.${layer}`;
      const normed = this.rmsnorm(hidden, `${at}.input_layernorm.weight`);
      const attended = this.attention(normed, `${at}.self_attn`, rope, hiddenKeys, cache ? layer : undefined);
      hidden = this.op('Add', [hidden, attended]);
      const again = this.rmsnorm(hidden, `${at}.post_attention_layernorm.weight`);
      hidden = this.op('Add', [hidden, this.mlp(again, `${at}.mlp`)]);
    }
    if (rows) {
      const flat = this.op('Reshape', [hidden, this.shape([-1, C])]);
      hidden = this.op('Gather', [flat, rows], { axis: 0 });
    }
    if (kept) {
      const first = this.op('Neg', [this.op('Reshape', [kept, this.shape([1])])]);
      hidden = this.op('Slice', [hidden, first, this.shape([NEVER]), this.shape([1])]);
    }
    const final = this.rmsnorm(hidden, 'model.norm.weight');
    const head = config.tie_word_embeddings
      ? this.op('Transpose', [embedding], { perm: [1, 0] })
      : this.transposed('lm_head.weight', V, C, ldv);
    graph.node('MatMul', [final, head], ['logits']);
    graph.output('logits', 'float', rows ? ['M', ldv] : ['batch_size', 'sequence_length', V]);
  }

  private op(op: string, inputs: string[], attributes: Record<string, number | number[]> = {}): string {
    const out = `v${this.values++}`;
    this.graph.node(op, inputs, [out], attributes);
    return out;
  }

  private constants(): void {
    this.graph.initializer('eps', [], Float32Array.of(this.config.norm.eps));
    this.graph.initializer('masked', [], Float32Array.of(MASKED));
    this.graph.initializer('scale', [], Float32Array.of(1 / Math.sqrt(this.config.head_dim)));
  }

  private readonly shapes = new Set<string>();

  /** An int64 constant, one initializer however often it is asked for. */
  private shape(values: number[]): string {
    const name = `shape_${values.join('_')}`;
    if (!this.shapes.has(name)) this.graph.initializer(name, [values.length], values);
    this.shapes.add(name);
    return name;
  }

  /** The (out, in) weight `name` as an initializer (in, columns), columns ≥ out, the rest zero: ready for x·W. */
  private transposed(name: string, out: number, inp: number, columns = out): string {
    const weight = this.weights(name);
    const data = new Float32Array(inp * columns);
    for (let i = 0; i < out; i++) {
      for (let j = 0; j < inp; j++) data[j * columns + i] = weight[i * inp + j] ?? Number.NaN;
    }
    return this.graph.initializer(`${name}.T`, [inp, columns], data);
  }

  private linear(inp: string, name: string, rows: number, columns: number): string {
    return this.op('MatMul', [inp, this.transposed(`${name}.weight`, rows, columns)]);
  }

  /** weight · x / sqrt(mean(x²) + eps). */
  private rmsnorm(inp: string, name: string): string {
    const squares = this.op('Mul', [inp, inp]);
    const mean = this.op('ReduceMean', [squares], { axes: [-1], keepdims: 1 });
    const root = this.op('Sqrt', [this.op('Add', [mean, 'eps'])]);
    const weight = this.graph.initializer(name, [this.config.hidden_size], this.weights(name));
    return this.op('Mul', [this.op('Div', [inp, root]), weight]);
  }

  /** cos and sin (B,1,T,HS) of every position; both halves of a head turn by the same angles (Hugging Face's order). */
  private ropeTables(positions: string, length: number): Rope {
    const { head_dim: HS, ropes } = this.config;
    const theta = ropes[0]?.theta ?? Number.NaN;
    const half = HS / 2;
    const table = (f: (angle: number) => number): Float32Array =>
      Float32Array.from({ length: length * HS }, (_, i) =>
        f(Math.floor(i / HS) * theta ** (-((i % HS) % half) / half)),
      );
    const rowsOf = (name: string, f: (angle: number) => number): string => {
      const rows = this.op('Gather', [this.graph.initializer(name, [length, HS], table(f)), positions], {
        axis: 0,
      });
      return this.op('Unsqueeze', [rows, this.shape([1])]);
    };
    return { cos: rowsOf('rope_cos', Math.cos), sin: rowsOf('rope_sin', Math.sin) };
  }

  /**
   * (B,1,T,S), true where the key is hidden from the query: its position is after the query's, or it is padding. In
   * int32, which the WebGPU provider computes. Keys are the T new tokens, or all P+T that `mask` speaks of.
   */
  private laterPositions(positions: string, mask?: string): string {
    const narrow = this.op('Cast', [positions], { to: INT32 });
    const queries = this.op('Unsqueeze', [narrow, this.shape([1, 3])]);
    const keys = this.op('Unsqueeze', [mask ? this.keyPositions(mask) : narrow, this.shape([1, 2])]);
    return this.op('Greater', [keys, queries]);
  }

  /** (B,P+T) position of every key, which is how many tokens stand before it; that of padding is after all others. */
  private keyPositions(mask: string): string {
    const { graph } = this;
    const present = this.op('Cast', [mask], { to: INT32 });
    const counted = this.op('CumSum', [present, graph.initializer('key_axis', [], [1])]);
    const one = graph.initializer('one', [], Int32Array.of(1));
    const positions = this.op('Sub', [counted, one]);
    const never = graph.initializer('never', [], Int32Array.of(NEVER));
    return this.op('Where', [this.op('Equal', [present, one]), positions, never]);
  }

  private rotate(heads: string, rope: Rope): string {
    const first = `v${this.values++}`;
    const second = `v${this.values++}`;
    this.graph.node('Split', [heads], [first, second], { axis: -1 });
    const turned = this.op('Concat', [this.op('Neg', [second]), first], { axis: -1 });
    return this.op('Add', [this.op('Mul', [heads, rope.cos]), this.op('Mul', [turned, rope.sin])]);
  }

  /** softmax(q kᵀ / √HS) v, the G query heads of a key/value head as G·T rows of one product. */
  private attention(inp: string, at: string, rope: Rope, hiddenKeys: string, cached?: number): string {
    const { hidden_size: C, num_attention_heads: NH, num_key_value_heads: NKV, head_dim: HS } = this.config;
    /** (B,count,T,HS) */
    const heads = (name: string, count: number): string => {
      const rows = this.linear(inp, `${at}.${name}`, count * HS, C);
      return this.op('Transpose', [this.op('Reshape', [rows, this.shape([0, 0, count, HS])])], {
        perm: [0, 2, 1, 3],
      });
    };
    const query = this.op('Mul', [this.rotate(heads('q_proj', NH), rope), 'scale']);
    const key = this.continued(this.rotate(heads('k_proj', NKV), rope), 'key', cached);
    const value = this.continued(heads('v_proj', NKV), 'value', cached);

    const grouped = this.shape([0, NKV, -1, HS]);
    const keysT = this.op('Transpose', [key], { perm: [0, 1, 3, 2] });
    const products = this.op('MatMul', [this.op('Reshape', [query, grouped]), keysT]);
    const scores = this.op('Reshape', [products, this.shape([0, NH, -1, 0])]);
    const weights = this.op('Softmax', [this.op('Where', [hiddenKeys, 'masked', scores])], { axis: -1 });
    const mixed = this.op('MatMul', [this.op('Reshape', [weights, this.shape([0, NKV, -1, 0])]), value]);
    const apart = this.op('Reshape', [mixed, this.shape([0, NH, -1, HS])]);
    const joined = this.op('Reshape', [
      this.op('Transpose', [apart], { perm: [0, 2, 1, 3] }),
      this.shape([0, 0, NH * HS]),
    ]);
    return this.linear(joined, `${at}.o_proj`, C, NH * HS);
  }

  /** Keys or values (B,NKV,T,HS) of a layer behind those of its cache, which grow by them; as they are without a cache. */
  private continued(fresh: string, kind: 'key' | 'value', layer: number | undefined): string {
    if (layer === undefined) return fresh;
    const { num_key_value_heads: NKV, head_dim: HS } = this.config;
    const shape = (length: string) => ['batch_size', NKV, length, HS];
    const past = this.graph.input(`past_key_values.${layer}.${kind}`, 'float', shape('past_sequence_length'));
    const present = `present.${layer}.${kind}`;
    this.graph.node('Concat', [past, fresh], [present], { axis: 2 });
    this.graph.output(present, 'float', shape(TOTAL));
    return present;
  }

  /** down(silu(gate(x)) · up(x)). */
  private mlp(inp: string, at: string): string {
    const { hidden_size: C, intermediate_size: F } = this.config;
    const gate = this.linear(inp, `${at}.gate_proj`, F, C);
    const up = this.linear(inp, `${at}.up_proj`, F, C);
    const silu = this.op('Mul', [gate, this.op('Sigmoid', [gate])]);
    return this.linear(this.op('Mul', [silu, up]), `${at}.down_proj`, C, F);
  }
}

/** `data` lengthened with zeros, itself where it is long enough. */
function padded(data: Float32Array, length: number): Float32Array {
  if (data.length >= length) return data;
  const out = new Float32Array(length);
  out.set(data);
  return out;
}
