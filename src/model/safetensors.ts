import { LabError } from '../errors';

/** A tensor out of a safetensors file, as f32 whatever it was stored as. */
export interface NamedTensor {
  shape: number[];
  data: Float32Array;
}

const BYTES: Record<string, number> = { F32: 4, F16: 2, BF16: 2 };
const MAX_HEADER = 100 * 2 ** 20;

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

const bad = (file: string, what: string): LabError =>
  new LabError('bad_input', `${file}: ${what}. The file is damaged or not safetensors; download it again.`);

/**
 * Reads a safetensors file (https://huggingface.co/docs/safetensors, "Format"). F16 and BF16 become f32.
 * Errors: `bad_input` when the header lies: its length, its JSON, a tensor's type, shape or byte range.
 */
export function readSafetensors(bytes: Uint8Array, file = 'model.safetensors'): Map<string, NamedTensor> {
  if (bytes.length < 8) throw bad(file, `it has ${bytes.length} bytes, fewer than a header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = Number(view.getBigUint64(0, true));
  if (headerLength > MAX_HEADER || 8 + headerLength > bytes.length) {
    throw bad(file, `its header claims ${headerLength} bytes and the file has ${bytes.length}`);
  }
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength))) as Record<
      string,
      unknown
    >;
  } catch {
    throw bad(file, 'its header is not JSON');
  }
  // Not a subarray: a Node Buffer's slice would share memory where a Uint8Array's copies.
  const data = new Uint8Array(
    bytes.buffer,
    bytes.byteOffset + 8 + headerLength,
    bytes.length - 8 - headerLength,
  );
  const tensors = new Map<string, NamedTensor>();
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    tensors.set(name, readTensor(file, name, value as Partial<Entry>, data));
  }
  return tensors;
}

function readTensor(file: string, name: string, entry: Partial<Entry>, data: Uint8Array): NamedTensor {
  const { dtype, shape, data_offsets: offsets } = entry;
  const size = dtype === undefined ? undefined : BYTES[dtype];
  if (size === undefined) {
    throw new LabError(
      'bad_input',
      `${file}: ${name} is stored as ${String(dtype)}; the lab reads F32, F16 and BF16.`,
    );
  }
  if (!Array.isArray(shape) || !shape.every((dim) => Number.isInteger(dim) && dim >= 0) || !offsets) {
    throw bad(file, `${name} has no shape or no byte range`);
  }
  const count = shape.reduce((product, dim) => product * dim, 1);
  const [begin, end] = offsets;
  if (!(begin >= 0 && end >= begin && end <= data.length)) {
    throw bad(file, `${name} claims bytes ${begin} to ${end} of ${data.length}`);
  }
  if (end - begin !== count * size) {
    throw bad(
      file,
      `${name} has shape [${shape.join(', ')}] (${count * size} bytes) in a range of ${end - begin} bytes`,
    );
  }
  const copy = data.slice(begin, end);
  if (dtype === 'F32') return { shape, data: new Float32Array(copy.buffer) };
  const halves = new Uint16Array(copy.buffer);
  return { shape, data: dtype === 'BF16' ? fromBf16(halves) : fromF16(halves) };
}

function fromBf16(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = (halves[i] ?? 0) << 16;
  return new Float32Array(bits.buffer);
}

function fromF16(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}

/** Writes tensors as F32, in the order given, with string metadata. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, NamedTensor>,
  metadata: Record<string, string> = {},
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt', ...metadata } };
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(json.length / 8) * 8;
  const out = new Uint8Array(8 + padded + offset);
  new DataView(out.buffer).setBigUint64(0, BigInt(padded), true);
  out.fill(0x20, 8, 8 + padded);
  out.set(json, 8);
  let at = 8 + padded;
  for (const { data } of tensors.values()) {
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return out;
}
