import { LabError } from '../errors';

/**
 * How a frozen matrix lies on the GPU. `f32`: its values. `f16`: the same, rows padded to four. `q8` and `q4`: of each row first the
 * codes, 8 or 4 bits each, then an f32 scale for every 32 of them; value = code · scale, so 9 or 5 bits a weight. No format
 * needs a feature of the adapter.
 */
export type Storage = 'f32' | 'f16' | 'q8' | 'q4';

export const STORAGES = ['f32', 'f16', 'q8', 'q4'] as const satisfies readonly Storage[];

/** Values of a row that share a scale. */
export const GROUP = 32;

const BITS = { q8: 8, q4: 4 } as const;
type Quantized = keyof typeof BITS;

export const isQuantized = (storage: Storage): storage is Quantized => storage in BITS;

/** u32 words that the codes of a row take. */
const codeWords = (storage: Quantized, length: number): number => Math.ceil((length * BITS[storage]) / 32);

/** u32 words of a stored row of `length` values; rows follow each other without a gap. */
export function rowWords(storage: Storage, length: number): number {
  if (isQuantized(storage)) return codeWords(storage, length) + Math.ceil(length / GROUP);
  return storage === 'f16' ? Math.ceil(length / 4) * 2 : length;
}

/**
 * Rows of `length` values as they lie on the GPU. f16 rounds to the nearest, ties to even, and stops at its largest number;
 * f32 is the same memory; q8 and q4 take of each group the value of largest magnitude as the lowest code (−128, −8) and round the rest to the nearest.
 * Errors: `bad_input` for a value that is not finite and is to be quantized.
 */
export function encodeRows(storage: Storage, values: Float32Array, length: number): Uint32Array {
  if (storage === 'f32') return new Uint32Array(values.buffer, values.byteOffset, values.length);
  const rows = length ? values.length / length : 0;
  const stride = rowWords(storage, length);
  const words = new Uint32Array(rows * stride);
  for (let row = 0; row < rows; row++) {
    const own = values.subarray(row * length, (row + 1) * length);
    const out = words.subarray(row * stride, (row + 1) * stride);
    if (storage === 'f16') encodeHalves(own, out);
    else quantizeRow(storage, own, out);
  }
  return words;
}

/** What the GPU multiplies with: the values of rows as `encodeRows` stored them. */
export function decodeRows(storage: Storage, words: Uint32Array, length: number): Float32Array {
  if (storage === 'f32') return new Float32Array(words.buffer, words.byteOffset, words.length);
  const stride = rowWords(storage, length);
  const rows = length ? words.length / stride : 0;
  const values = new Float32Array(rows * length);
  for (let row = 0; row < rows; row++) {
    const own = words.subarray(row * stride, (row + 1) * stride);
    const out = values.subarray(row * length, (row + 1) * length);
    if (storage === 'f16') decodeHalves(own, out);
    else dequantizeRow(storage, own, out);
  }
  return values;
}

function quantizeRow(storage: Quantized, values: Float32Array, out: Uint32Array): void {
  const bits = BITS[storage];
  const [lowest, perWord, mask] = [-(2 ** (bits - 1)), 32 / bits, 2 ** bits - 1];
  const scales = new Float32Array(out.buffer, out.byteOffset + 4 * codeWords(storage, values.length));
  for (let first = 0; first < values.length; first += GROUP) {
    const end = Math.min(first + GROUP, values.length);
    const scale = Math.fround(extreme(values, first, end) / lowest);
    scales[first / GROUP] = scale;
    if (scale === 0) continue;
    for (let i = first; i < end; i++) {
      const nearest = Math.round((values[i] ?? 0) / scale);
      const code = Math.max(lowest, Math.min(-lowest - 1, nearest));
      const at = Math.floor(i / perWord);
      out[at] = (out[at] ?? 0) | ((code & mask) << (bits * (i % perWord)));
    }
  }
}

/** The value of largest magnitude, sign included. */
function extreme(values: Float32Array, first: number, end: number): number {
  let most = 0;
  for (let i = first; i < end; i++) {
    const value = values[i] ?? 0;
    if (!Number.isFinite(value)) {
      throw new LabError(
        'bad_input',
        `A weight is ${value}, which has no place among the codes of a quantized matrix. Store the weights as f32.`,
      );
    }
    if (Math.abs(value) > Math.abs(most)) most = value;
  }
  return most;
}

function dequantizeRow(storage: Quantized, words: Uint32Array, out: Float32Array): void {
  const bits = BITS[storage];
  const perWord = 32 / bits;
  const scales = new Float32Array(words.buffer, words.byteOffset + 4 * codeWords(storage, out.length));
  for (let i = 0; i < out.length; i++) {
    const shifted = (words[Math.floor(i / perWord)] ?? 0) << (32 - bits - bits * (i % perWord));
    out[i] = (shifted >> (32 - bits)) * (scales[Math.floor(i / GROUP)] ?? 0);
  }
}

function encodeHalves(values: Float32Array, out: Uint32Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) {
    out[i >> 1] = (out[i >> 1] ?? 0) | (halfBits(bits[i] ?? 0) << (16 * (i % 2)));
  }
}

const HALF_INFINITY = 0x7c00;
const HALF_LARGEST = 0x7bff;

/** The nearest f16 of an f32, both as bits. Finite numbers stay finite. */
function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude === 0x7f800000) return sign | HALF_INFINITY;
  // Below 2^-14: a multiple of 2^-24, which f64 holds exactly.
  if (magnitude < 0x38800000) return sign | nearestEven(floatOf(magnitude) * 2 ** 24);
  const rounded = (magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13;
  return sign | Math.min(rounded, HALF_LARGEST);
}

const floatOf = (bits: number): number => new Float32Array(Uint32Array.of(bits).buffer)[0] ?? 0;

function nearestEven(value: number): number {
  const down = Math.floor(value);
  const rest = value - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down;
}

function decodeHalves(words: Uint32Array, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = halfValue(((words[i >> 1] ?? 0) >>> (16 * (i % 2))) & 0xffff);
}

function halfValue(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
