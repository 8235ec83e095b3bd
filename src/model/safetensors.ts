import { LabError } from '../errors';
import type { ByteSource } from './byte_source';
import { missingTensor, rowLength, tensorPieces, type NamedTensor, type TensorSource } from './tensor_source';
export type { NamedTensor } from './tensor_source';

const BYTES: Record<string, number> = { F32: 4, F16: 2, BF16: 2 };
const LENGTH_BYTES = 8;
const MAX_HEADER = 100 * 2 ** 20;

/** A tensor as the header describes it. `begin` and `end` count from the start of the file. */
interface Entry {
  dtype: string;
  shape: number[];
  begin: number;
  end: number;
}

const bad = (file: string, what: string): LabError =>
  new LabError('bad_input', `${file}: ${what}. The file is damaged or not safetensors; download it again.`);

/**
 * Opens a safetensors file (https://huggingface.co/docs/safetensors, "Format"): its header is read and checked, its tensors
 * are read by rows when they are asked for. F16 and BF16 become f32.
 * Errors: `bad_input` when the header lies: its length, its JSON, a tensor's shape or byte range, ranges that overlap.
 */
export async function openSafetensors(source: ByteSource, file = 'model.safetensors'): Promise<TensorSource> {
  const entries = parseHeader(file, source.size, await source.read(0, await headerEnd(source, file)));
  return {
    label: file,
    names: [...entries.keys()],
    shape: (name) => entries.get(name)?.shape,
    read: async (name, row = 0, rows) => {
      const entry = entries.get(name);
      if (!entry) throw missingTensor(file, name);
      const size = elementBytes(file, name, entry.dtype);
      const rowBytes = rowLength(entry.shape) * size;
      const begin = entry.begin + row * rowBytes;
      const end = rows === undefined ? entry.end : begin + rows * rowBytes;
      if (end > entry.end) throw new Error(`${name} has no rows up to ${row + (rows ?? 0)}`);
      return decode(entry.dtype, await source.read(begin, end));
    },
  };
}

/** The same at once, from a file in memory. Errors: also for a tensor stored as another type than F32, F16 or BF16. */
export function readSafetensors(bytes: Uint8Array, file = 'model.safetensors'): Map<string, NamedTensor> {
  const end = headerLength(file, bytes.length, bytes.subarray(0, LENGTH_BYTES));
  const tensors = new Map<string, NamedTensor>();
  for (const [name, entry] of parseHeader(file, bytes.length, bytes.subarray(0, end))) {
    elementBytes(file, name, entry.dtype);
    const data = decode(entry.dtype, bytes.subarray(entry.begin, entry.end));
    tensors.set(name, { shape: entry.shape, data });
  }
  return tensors;
}

async function headerEnd(source: ByteSource, file: string): Promise<number> {
  return headerLength(file, source.size, await source.read(0, Math.min(source.size, LENGTH_BYTES)));
}

/** Bytes up to the first tensor. */
function headerLength(file: string, size: number, start: Uint8Array): number {
  if (size < LENGTH_BYTES) throw bad(file, `it has ${size} bytes, fewer than a header`);
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const length = Number(view.getBigUint64(0, true));
  if (length > MAX_HEADER || LENGTH_BYTES + length > size) {
    throw bad(file, `its header claims ${length} bytes and the file has ${size}`);
  }
  return LENGTH_BYTES + length;
}

function parseHeader(file: string, size: number, head: Uint8Array): Map<string, Entry> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder().decode(head.subarray(LENGTH_BYTES)));
  } catch {
    throw bad(file, 'its header is not JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw bad(file, 'its header is not a JSON object');
  }
  const entries = new Map<string, Entry>();
  for (const [name, value] of Object.entries(header)) {
    if (name !== '__metadata__') entries.set(name, entryOf(file, name, value, head.length, size));
  }
  refuseOverlaps(file, entries);
  return entries;
}

function entryOf(file: string, name: string, value: unknown, start: number, size: number): Entry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  if (!isDims(shape) || !isDims(offsets) || offsets.length !== 2 || typeof dtype !== 'string') {
    throw bad(file, `${name} has no shape or no byte range`);
  }
  const [begin = 0, end = 0] = offsets;
  const length = size - start;
  if (end < begin || end > length) throw bad(file, `${name} claims bytes ${begin} to ${end} of ${length}`);
  const wanted = rowLength([1, ...shape]) * (BYTES[dtype] ?? 0);
  if (dtype in BYTES && end - begin !== wanted) {
    const range = `(${wanted} bytes) in a range of ${end - begin} bytes`;
    throw bad(file, `${name} has shape [${shape.join(', ')}] ${range}`);
  }
  return { dtype, shape, begin: start + begin, end: start + end };
}

const isDims = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((dim) => Number.isSafeInteger(dim) && dim >= 0);

function refuseOverlaps(file: string, entries: ReadonlyMap<string, Entry>): void {
  const sorted = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  sorted.forEach(([name, { begin }], i) => {
    const before = sorted[i - 1];
    if (before && before[1].end > begin) throw bad(file, `${before[0]} and ${name} claim the same bytes`);
  });
}

/** Errors: `bad_input` for a type the lab does not read. */
function elementBytes(file: string, name: string, dtype: string): number {
  const size = BYTES[dtype];
  if (size !== undefined) return size;
  throw new LabError('bad_input', `${file}: ${name} is stored as ${dtype}; the lab reads F32, F16 and BF16.`);
}

/** Stored numbers as f32, in an array of their own. */
function decode(dtype: string, stored: Uint8Array): Float32Array {
  // A typed array begins at a multiple of its elements' size, which a range of a file need not.
  const copy = new Uint8Array(stored).buffer;
  if (dtype === 'F32') return new Float32Array(copy);
  const halves = new Uint16Array(copy);
  return dtype === 'BF16' ? fromBf16(halves) : fromF16(halves);
}

function fromBf16(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = (halves[i] ?? 0) << 16;
  return new Float32Array(bits.buffer);
}

/** Stored halves, by their bits, as f32. */
export function fromF16(halves: Uint16Array): Float32Array {
  const table = halfTable();
  const values = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) values[i] = table[halves[i] ?? 0] ?? 0;
  return values;
}

let everyHalf: Float32Array | undefined;

/** Every f16 as f32: a lookup is some twenty times faster than the arithmetic. */
function halfTable(): Float32Array {
  everyHalf ??= Float32Array.from({ length: 2 ** 16 }, (_, half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
  return everyHalf;
}

/** The tensors of a source as a safetensors file in F32, piece by piece: what does not fit in memory is still written. */
export async function* safetensorsChunks(
  source: TensorSource,
  names = source.names,
  metadata: Record<string, string> = {},
): AsyncGenerator<Uint8Array> {
  yield headerOf(
    names.map((name) => [name, source.shape(name) ?? []]),
    metadata,
  );
  for (const name of names) {
    for await (const data of tensorPieces(source, name)) {
      yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    }
  }
}

/** Length and header of a file of F32 tensors, by name and shape. */
function headerOf(
  tensors: readonly (readonly [name: string, shape: readonly number[]])[],
  metadata: Record<string, string> = {},
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt', ...metadata } };
  let offset = 0;
  for (const [name, shape] of tensors) {
    const bytes = 4 * shape.reduce((product, dim) => product * dim, 1);
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(json.length / 8) * 8;
  const out = new Uint8Array(8 + padded).fill(0x20);
  new DataView(out.buffer).setBigUint64(0, BigInt(padded), true);
  out.set(json, 8);
  return out;
}

/** Writes tensors as F32, in the order given, with string metadata. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, NamedTensor>,
  metadata: Record<string, string> = {},
): Uint8Array {
  const header = headerOf(
    [...tensors].map(([name, { shape }]) => [name, shape]),
    metadata,
  );
  const bytes = [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  const out = new Uint8Array(header.length + bytes);
  out.set(header);
  let at = header.length;
  for (const { data } of tensors.values()) {
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return out;
}
