/**
 * The few messages of ONNX's protobuf that a model file needs, encoded by hand.
 * Source: onnx/onnx.proto (field numbers and enum values), protobuf.dev/programming-guides/encoding (wire format).
 */
type Part = Uint8Array | LazyBytes;

/** Bytes that are made when they are written out, so that a model never stands in memory whole. */
export interface LazyBytes {
  readonly length: number;
  chunks: () => AsyncIterable<Uint8Array>;
}

/** A file beside a model's, which holds its tensors: protobuf ends at 2 GiB. */
export interface ExternalData extends LazyBytes {
  /** What the model calls it, as seen from its own folder. */
  readonly location: string;
}

/** Where a tensor begins in such a file, so that it can be mapped (onnx.proto, external_data). */
const PAGE = 4096;
/** Tensors of fewer bytes stay in the model: shapes and constants are read while it is opened. */
const FEWEST_EXTERNAL_BYTES = 1024;
/** TensorProto.DataLocation. */
const EXTERNAL = 1;

const utf8 = new TextEncoder();
const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;

/** Numbers of TensorProto.DataType. */
export const DATA_TYPE = { float: 1, int32: 6, int64: 7 } as const;
export type DataType = keyof typeof DATA_TYPE;

/** A dimension: a number, or the name of one that is known only when the model runs. */
export type Dim = number | string;

/** A message under construction: its fields in order, bulk data by reference until `bytes` joins them. */
class Message {
  private readonly parts: Part[] = [];
  private length = 0;

  private push(part: Part): this {
    this.parts.push(part);
    this.length += part.length;
    return this;
  }

  private key(field: number, wire: number): this {
    return this.push(varint(field * 8 + wire));
  }

  int(field: number, value: number): this {
    return this.key(field, VARINT).push(varint(value));
  }

  float(field: number, value: number): this {
    return this.key(field, FIXED32).push(new Uint8Array(new Float32Array([value]).buffer));
  }

  raw(field: number, bytes: Part): this {
    return this.key(field, BYTES).push(varint(bytes.length)).push(bytes);
  }

  text(field: number, value: string): this {
    return this.raw(field, utf8.encode(value));
  }

  message(field: number, message: Message): this {
    this.key(field, BYTES).push(varint(message.length));
    for (const part of message.parts) this.push(part);
    return this;
  }

  get size(): number {
    return this.length;
  }

  /** The encoded message, part by part. */
  async *chunks(): AsyncGenerator<Uint8Array> {
    for (const part of this.parts) {
      if ('chunks' in part) yield* part.chunks();
      else yield part;
    }
  }
}

/** Little-endian groups of seven bits; a negative number is its 64-bit two's complement, as int64 fields have it. */
function varint(value: number): Uint8Array {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
  return Uint8Array.from(out);
}

/** A finished ModelProto: what a model file holds. */
export class OnnxFile {
  /** `data`: what lies beside it. */
  constructor(
    private readonly message: Message,
    readonly data: ExternalData | undefined,
  ) {}

  get length(): number {
    return this.message.size;
  }

  /** Its bytes in order, made as they are asked for. */
  chunks(): AsyncIterable<Uint8Array> {
    return this.message.chunks();
  }

  /** All of it at once. */
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const out = new Uint8Array(this.length);
    let at = 0;
    for await (const chunk of this.chunks()) {
      out.set(chunk, at);
      at += chunk.length;
    }
    return out;
  }
}

const bytesOf = (data: Float32Array | Int32Array | BigInt64Array): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** Made at once, read from somewhere, or read piece by piece. */
export type Floats = Float32Array | Promise<Float32Array> | AsyncIterable<Float32Array>;

export type Attribute = number | { float: number } | readonly number[];

/** A graph that nodes are added to; values are strings, as ONNX names them. */
export class OnnxGraph {
  private readonly graph = new Message();
  private nodes = 0;
  /** Tensors that lie beside the model, with the zeros between them, and where the next may begin. */
  private readonly beside: LazyBytes[] = [];
  private end = 0;

  /** `location`: of a file beside the model's that takes its tensors. */
  constructor(
    name: string,
    private readonly location?: string,
  ) {
    this.graph.text(2, name);
  }

  input(name: string, type: DataType, shape: readonly Dim[]): string {
    this.graph.message(11, valueInfo(name, type, shape));
    return name;
  }

  output(name: string, type: DataType, shape: readonly Dim[]): void {
    this.graph.message(12, valueInfo(name, type, shape));
  }

  /** A constant of the model: f32 (made when the file is written), int32, or int64 given as numbers. */
  initializer(
    name: string,
    shape: readonly number[],
    data: (() => Floats) | Int32Array | readonly number[],
  ): string {
    const type = typeof data === 'function' ? 'float' : data instanceof Int32Array ? 'int32' : 'int64';
    const tensor = new Message();
    for (const dim of shape) tensor.int(1, dim);
    tensor.int(2, DATA_TYPE[type]).text(8, name);
    if (typeof data !== 'function') tensor.raw(9, constantBytes(data));
    else this.put(tensor, lazyFloats(name, shape, data));
    this.graph.message(5, tensor);
    return name;
  }

  /** The numbers of a tensor, in it or beside the model. */
  private put(tensor: Message, floats: LazyBytes): void {
    const { location } = this;
    if (location === undefined || floats.length < FEWEST_EXTERNAL_BYTES) {
      tensor.raw(9, floats);
      return;
    }
    const offset = Math.ceil(this.end / PAGE) * PAGE;
    if (offset > this.end) this.beside.push(zeros(offset - this.end));
    this.beside.push(floats);
    this.end = offset + floats.length;
    for (const [key, value] of Object.entries({ location, offset, length: floats.length })) {
      tensor.message(13, new Message().text(1, key).text(2, String(value)));
    }
    tensor.int(14, EXTERNAL);
  }

  private get data(): ExternalData | undefined {
    const { location, beside, end: length } = this;
    if (location === undefined) return undefined;
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      for (const part of beside) yield* part.chunks();
    };
    return { location, length, chunks };
  }

  /** Adds a node of the standard operator set and returns the names of its outputs. */
  node(
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Record<string, Attribute> = {},
  ): void {
    const node = new Message();
    for (const input of inputs) node.text(1, input);
    for (const output of outputs) node.text(2, output);
    node.text(3, `${op}_${this.nodes++}`).text(4, op);
    for (const [name, value] of Object.entries(attributes)) node.message(5, attribute(name, value));
    this.graph.message(1, node);
  }

  /** The finished ModelProto. */
  model(producer: string, opset: number, irVersion: number): OnnxFile {
    const message = new Message().int(1, irVersion).text(2, producer).message(7, this.graph);
    return new OnnxFile(message.message(8, new Message().text(1, '').int(2, opset)), this.data);
  }
}

const constantBytes = (data: Int32Array | readonly number[]): Uint8Array =>
  bytesOf(data instanceof Int32Array ? data : BigInt64Array.from(data, BigInt));

function lazyFloats(name: string, shape: readonly number[], make: () => Floats): LazyBytes {
  const count = shape.reduce((product, dim) => product * dim, 1);
  return {
    length: 4 * count,
    chunks: async function* () {
      const made = make();
      let length = 0;
      for await (const data of Symbol.asyncIterator in made ? made : [await made]) {
        length += data.length;
        yield bytesOf(data);
      }
      if (length !== count) throw new Error(`${name}: ${length} numbers for [${shape.join(', ')}]`);
    },
  };
}

const zeros = (length: number): LazyBytes => ({
  length,
  chunks: async function* () {
    yield new Uint8Array(length);
  },
});

function attribute(name: string, value: Attribute): Message {
  const message = new Message().text(1, name);
  if (typeof value === 'number') return message.int(3, value).int(20, 2);
  if ('float' in value) return message.float(2, value.float).int(20, 1);
  for (const item of value) message.int(8, item);
  return message.int(20, 7);
}

function valueInfo(name: string, type: DataType, shape: readonly Dim[]): Message {
  const dims = new Message();
  for (const dim of shape) {
    dims.message(1, typeof dim === 'number' ? new Message().int(1, dim) : new Message().text(2, dim));
  }
  const tensor = new Message().int(1, DATA_TYPE[type]).message(2, dims);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}
