/**
 * The few messages of ONNX's protobuf that a model file needs, encoded by hand.
 * Source: onnx/onnx.proto (field numbers and enum values), protobuf.dev/programming-guides/encoding (wire format).
 */
type Part = Uint8Array | LazyBytes;

/** Bytes that are made when they are written out, so that a model's tensors need not all stand in memory twice. */
export interface LazyBytes {
  readonly length: number;
  make: () => Promise<Uint8Array>;
}

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
    for (const part of this.parts) yield 'make' in part ? await part.make() : part;
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
  constructor(private readonly message: Message) {}

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

/** Made at once, or read from somewhere. */
export type Floats = Float32Array | Promise<Float32Array>;

export type Attribute = number | { float: number } | readonly number[];

/** A graph that nodes are added to; values are strings, as ONNX names them. */
export class OnnxGraph {
  private readonly graph = new Message();
  private nodes = 0;

  constructor(name: string) {
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
    tensor.raw(9, typeof data === 'function' ? lazyFloats(name, shape, data) : constantBytes(data));
    this.graph.message(5, tensor);
    return name;
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
    return new OnnxFile(message.message(8, new Message().text(1, '').int(2, opset)));
  }
}

const constantBytes = (data: Int32Array | readonly number[]): Uint8Array =>
  bytesOf(data instanceof Int32Array ? data : BigInt64Array.from(data, BigInt));

function lazyFloats(name: string, shape: readonly number[], make: () => Floats): LazyBytes {
  const count = shape.reduce((product, dim) => product * dim, 1);
  return {
    length: 4 * count,
    make: async () => {
      const data = await make();
      if (data.length !== count) throw new Error(`${name}: ${data.length} numbers for [${shape.join(', ')}]`);
      return bytesOf(data);
    },
  };
}

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
