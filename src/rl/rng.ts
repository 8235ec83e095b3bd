/**
 * Random numbers for order and draws on the CPU. Counter-based (Philox4x32-10, Salmon et al. 2011, "Parallel random
 * numbers: as easy as 1, 2, 3"), so that the state of a run is three numbers and resuming gives the same bits.
 */

/** Everything a generator is; put it back with `Rng.fromState`. */
export interface RngState {
  seed: number;
  stream: number;
  /** How many numbers were drawn. */
  counter: number;
}

const TWO_32 = 2 ** 32;

/** Philox4x32-10: four random words from a counter of four words and a key of two. */
export function philox4x32(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const low0 = Math.imul(0xd2511f53, c0) >>> 0;
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** The upper 32 bits of the product of two 32-bit words. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle % 0x10000);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/** One stream of random numbers. Streams of one seed (order of problems, split, …) are independent of each other. */
export class Rng {
  private counter = 0;

  /** @param seed a whole number from 0 to 2^53 − 1   @param stream a whole number from 0 to 2^32 − 1 */
  constructor(
    private readonly seed: number,
    private readonly stream = 0,
  ) {}

  static fromState(state: RngState): Rng {
    const rng = new Rng(state.seed, state.stream);
    rng.counter = state.counter;
    return rng;
  }

  get state(): RngState {
    return { seed: this.seed, stream: this.stream, counter: this.counter };
  }

  /** Uniform in [0, 1), 53 bits. */
  uniform(): number {
    const at = this.counter++;
    const [high, low] = philox4x32(
      [(at % TWO_32) >>> 0, Math.floor(at / TWO_32) >>> 0, this.stream >>> 0, 0],
      [(this.seed % TWO_32) >>> 0, Math.floor(this.seed / TWO_32) >>> 0],
    );
    return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
  }

  /** A whole number from 0 to n − 1. */
  below(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** Puts `array` into random order (Fisher–Yates), in place, and returns it. */
  shuffle<T>(array: T[]): T[] {
    for (let last = array.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      const held = array[last] as T;
      array[last] = array[other] as T;
      array[other] = held;
    }
    return array;
  }
}
