import { pieces, type ByteSource } from './byte_source';

const BLOCK = 64;

/**
 * SHA-256 (FIPS 180-4) of bytes that come in pieces: files of a gigabyte are hashed as they are read, which the browser's
 * own digest, over one array, cannot.
 */
export class Sha256 {
  private readonly state = Int32Array.from(fractions(8, 1 / 2));
  /** Signed throughout: JavaScript keeps unsigned words above 2³¹ as floating point. */
  private readonly words = new Int32Array(BLOCK);
  private readonly rest = new Uint8Array(BLOCK);
  private length = 0;

  update(bytes: Uint8Array): this {
    let at = 0;
    const held = this.length % BLOCK;
    this.length += bytes.length;
    if (held) {
      at = Math.min(BLOCK - held, bytes.length);
      this.rest.set(bytes.subarray(0, at), held);
      if (held + at < BLOCK) return this;
      this.block(this.rest, 0);
    }
    for (; at + BLOCK <= bytes.length; at += BLOCK) this.block(bytes, at);
    this.rest.set(bytes.subarray(at));
    return this;
  }

  /** The digest, in hex. Nothing can be added after it. */
  hex(): string {
    const bits = BigInt(this.length) * 8n;
    const padding = new Uint8Array(((119 - (this.length % BLOCK)) % BLOCK) + 9);
    padding[0] = 0x80;
    new DataView(padding.buffer).setBigUint64(padding.length - 8, bits);
    this.update(padding);
    return [...this.state].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }

  private block(bytes: Uint8Array, at: number): void {
    const w = this.words;
    const k = constants();
    for (let i = 0, j = at; i < 16; i++, j += 4) {
      w[i] =
        (byteAt(bytes, j) << 24) |
        (byteAt(bytes, j + 1) << 16) |
        (byteAt(bytes, j + 2) << 8) |
        byteAt(bytes, j + 3);
    }
    for (let i = 16; i < BLOCK; i++) {
      const x = at0(w, i - 15);
      const y = at0(w, i - 2);
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (at0(w, i - 16) + s0 + at0(w, i - 7) + s1) | 0;
    }
    const { state } = this;
    let a = at0(state, 0);
    let b = at0(state, 1);
    let c = at0(state, 2);
    let d = at0(state, 3);
    let e = at0(state, 4);
    let f = at0(state, 5);
    let g = at0(state, 6);
    let h = at0(state, 7);
    for (let i = 0; i < BLOCK; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + at0(k, i) + at0(w, i)) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    state[0] = (at0(state, 0) + a) | 0;
    state[1] = (at0(state, 1) + b) | 0;
    state[2] = (at0(state, 2) + c) | 0;
    state[3] = (at0(state, 3) + d) | 0;
    state[4] = (at0(state, 4) + e) | 0;
    state[5] = (at0(state, 5) + f) | 0;
    state[6] = (at0(state, 6) + g) | 0;
    state[7] = (at0(state, 7) + h) | 0;
  }
}

const at0 = (array: Int32Array, index: number): number => array[index] ?? 0;
const byteAt = (array: Uint8Array, index: number): number => array[index] ?? 0;

/** SHA-256 of a source, in hex. */
export async function sha256(source: ByteSource): Promise<string> {
  const hash = new Sha256();
  for await (const piece of pieces(source)) hash.update(piece);
  return hash.hex();
}

let roundConstants: Int32Array | undefined;

const constants = (): Int32Array => (roundConstants ??= Int32Array.from(fractions(64, 1 / 3)));

/** First 32 bits of the fractions of the first primes' square (cube) roots: where FIPS 180-4 takes its constants from. */
function fractions(count: number, power: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime)) primes.push(n);
  return primes.map((prime) => {
    const root = prime ** power;
    return Math.floor((root - Math.floor(root)) * 2 ** 32) | 0;
  });
}
