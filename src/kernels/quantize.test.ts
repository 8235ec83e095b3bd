import { beforeAll, describe, expect, test } from 'vitest';
import { Arena } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { Plan } from '../gpu/plan';
import { Stream } from '../gpu/stream';
import { sharedTestGpu } from '../gpu/testing';
import { testNumbers } from './case_numbers';
import { expectClose } from './compare';
import { addMatmul, matmulLaunch, matmulShapes, type MatmulDims, type MatmulExtras } from './matmul';
import { matmulReference } from './matmul.reference';
import { mostPartialFloats, partialFloats, slicesOf, splitRule } from './matmul_split';
import { decodeRows, encodeRows, GROUP, rowWords, STORAGES, type Storage } from './quantize';

/** Nearly normal numbers, as weights are: sums of twelve uniform ones. */
function normal(count: number, seed: number, scale = 1): Float32Array {
  const uniform = testNumbers(12 * count, seed, scale / 2);
  return Float32Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < 12; j++) sum += uniform[12 * i + j] ?? 0;
    return sum;
  });
}

/** Root of the mean square of a − b over that of b. */
function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [error, size] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    error += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2;
    size += (b[i] ?? 0) ** 2;
  }
  return Math.sqrt(error / size);
}

/** The most that storing normally distributed weights changes them, root mean square, relative: what docs/kernels.md states. */
const STATED: Record<Storage, number> = { f32: 0, f16: 2.5e-4, q8: 5.5e-3, q4: 0.09 };

describe('storages of a frozen matrix', () => {
  test('a row takes the words it is said to', () => {
    const words = (length: number): number[] => STORAGES.map((storage) => rowWords(storage, length));
    expect(words(576)).toEqual([576, 288, 162, 90]);
    expect(words(36)).toEqual([36, 18, 11, 7]);
    expect(words(5)).toEqual([5, 4, 3, 2]);
    for (const storage of STORAGES)
      expect(encodeRows(storage, testNumbers(3 * 36, 1), 36).length).toBe(3 * rowWords(storage, 36));
  });

  test('f16 rounds to the nearest, ties to even, subnormals too, and stays finite', () => {
    // prettier-ignore
    const known: [number, number][] = [
      [0, 0x0000], [-0, 0x8000], [1, 0x3c00], [-2, 0xc000], [1 / 3, 0x3555], [65504, 0x7bff], [65520, 0x7bff], [1e9, 0x7bff],
      [-1e9, 0xfbff], [2 ** -14, 0x0400], [2 ** -24, 0x0001], [2 ** -25, 0x0000], [1.5 * 2 ** -24, 0x0002],
      [2.5 * 2 ** -24, 0x0002], [1 + 2 ** -11, 0x3c00], [1 + 3 * 2 ** -11, 0x3c02], [Infinity, 0x7c00], [Number.NaN, 0x7e00],
    ];
    const words = encodeRows(
      'f16',
      Float32Array.from(known, ([value]) => value),
      known.length,
    );
    const halves = known.map((_, i) => ((words[i >> 1] ?? 0) >>> (16 * (i % 2))) & 0xffff);
    expect(halves).toEqual(known.map(([, half]) => half));
    const values = normal(4096, 3, 0.02);
    const back = decodeRows('f16', encodeRows('f16', values, 64), 64);
    expect(decodeRows('f16', encodeRows('f16', back, 64), 64)).toEqual(back);
  });

  test.each(['q8', 'q4'] as const)(
    '%s: codes within one step, half a step but for the far end',
    (storage) => {
      const length = 75;
      const values = normal(8 * length, 5);
      values.fill(0, length, length + GROUP);
      const back = decodeRows(storage, encodeRows(storage, values, length), length);
      const levels = storage === 'q8' ? 128 : 8;
      for (let row = 0; row < 8; row++) {
        for (let first = 0; first < length; first += GROUP) {
          const at = row * length;
          const own = values.subarray(at + first, at + Math.min(first + GROUP, length));
          const most = own.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
          const step = Math.abs(most) / levels;
          own.forEach((value, i) => {
            const error = Math.abs((back[at + first + i] ?? Number.NaN) - value);
            const isFar = Math.abs(value + most) < step;
            expect(error).toBeLessThanOrEqual((isFar ? 1 : 0.5) * step * 1.0001);
          });
          // The value of largest magnitude is kept.
          const kept = back[at + first + own.indexOf(most)] ?? 0;
          expect(Math.abs(kept - most)).toBeLessThanOrEqual(1e-6 * Math.abs(most));
        }
      }
      // Rows are stored one by one: what streams in piece by piece is what comes whole.
      const whole = encodeRows(storage, values, length);
      const third = encodeRows(storage, values.slice(2 * length, 3 * length), length);
      const words = rowWords(storage, length);
      expect(whole.slice(2 * words, 3 * words)).toEqual(third);
    },
  );

  test('what is not finite is refused by name', () => {
    const values = Float32Array.of(1, Number.NaN, 2, 3);
    expect(() => encodeRows('q4', values, 4)).toThrow('A weight is NaN');
    expect(() => encodeRows('q8', values.fill(Infinity, 1, 2), 4)).toThrow('A weight is Infinity');
  });

  test.each(STORAGES)('%s: the stated error of normally distributed weights', (storage) => {
    const values = normal(64 * 576, 7, 0.04);
    const error = relativeError(decodeRows(storage, encodeRows(storage, values, 576), 576), values);
    expect(error).toBeLessThanOrEqual(STATED[storage]);
    expect(error).toBeGreaterThanOrEqual(STATED[storage] / 2);
  });
});

describe('products with a stored matrix', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await sharedTestGpu();
    gpu.split = { tile: 32, workgroups: 8, depth: 32 };
  });

  /** a (M,K) by b as stored, for every M of one plan. */
  async function products(
    layout: 'nt' | 'nn',
    storage: Storage,
    [N, K]: readonly [number, number],
    a: Float32Array,
    b: Float32Array,
    rows: readonly number[],
    isSplit = false,
  ): Promise<Float32Array[]> {
    const most = Math.max(...rows);
    const [count, length] = matmulShapes(layout, { M: most, N, K }).b;
    const arena = new Arena('stored', 'separate');
    const views = {
      a: arena.tensor('a', [most, K]),
      b: arena.tensor('b', [count, rowWords(storage, length)]),
      out: arena.tensor('out', [most, N]),
    };
    const floats = layout === 'nn' ? mostPartialFloats(splitRule(gpu), 'nn', { M: most, N, K }) : 0;
    const partials = isSplit ? arena.tensor('partials', [floats]) : undefined;
    arena.allocate(gpu);
    const stream = new Stream(gpu);
    stream.upload(views.a, a.subarray(0, most * K));
    stream.upload(views.b, encodeRows(storage, b, length));
    const plan = new Plan<MatmulDims>(gpu, 'stored');
    const extras: MatmulExtras = { bStorage: storage, partials };
    addMatmul(plan, gpu, layout, views, (dims) => dims, extras);
    const found: Float32Array[] = [];
    for (const M of rows) {
      plan.prepare({ M, N, K });
      const [bytes] = await stream.read('stored', (pass) => plan.encode(pass), [views.out]);
      found.push(new Float32Array(bytes ?? new ArrayBuffer(0)).slice(0, M * N));
    }
    plan.destroy();
    stream.destroy();
    arena.destroy();
    return found;
  }

  const ROWS = [72, 3, 40];
  const [N, K] = [68, 132];

  test.each(
    (['nt', 'nn'] as const).flatMap((layout) => STORAGES.map((storage) => [layout, storage] as const)),
  )(
    '%s %s: the product of the stored values, a row the same bits in every batch',
    async (layout, storage) => {
      const a = testNumbers(72 * K, 1);
      const b = testNumbers(N * K, 2);
      const found = await products(layout, storage, [N, K], a, b, ROWS);
      const length = layout === 'nt' ? K : N;
      const values = decodeRows(storage, encodeRows(storage, b, length), length);
      const dims = { M: 72, N, K, lda: K, ldb: length };
      const expected = matmulReference(layout, a, values, dims);
      const tolerance = { atol: 1e-4, rtol: 1e-5, reason: '132 products are summed in f32' };
      expectClose('out', found[0] ?? [], expected, tolerance);
      ROWS.forEach((M, i) => expect(found[i]).toEqual(found[0]?.slice(0, M * N)));
    },
  );

  test.each(['f16', 'q8', 'q4'] as const)('nn %s may be split over k', async (storage) => {
    const a = testNumbers(12 * K, 1);
    const b = testNumbers(N * K, 2);
    const dims = { M: 12, N, K };
    expect(partialFloats(slicesOf(splitRule(gpu), dims), dims)).toBeGreaterThan(12 * N);
    const [found] = await products('nn', storage, [N, K], a, b, [12], true);
    const values = decodeRows(storage, encodeRows(storage, b, N), N);
    const expected = matmulReference('nn', a, values, { ...dims, lda: K, ldb: N });
    const tolerance = { atol: 1e-4, rtol: 1e-5, reason: '132 products are summed in f32' };
    expectClose('out', found ?? [], expected, tolerance);
  });

  test.each(['f16', 'q8', 'q4'] as const)('%s: error of a product against f32', async (storage) => {
    const a = normal(16 * 576, 1);
    const b = normal(64 * 576, 2, 0.04);
    const [exact] = await products('nt', 'f32', [64, 576], a, b, [16]);
    const [found] = await products('nt', storage, [64, 576], a, b, [16]);
    expect(relativeError(found ?? [], exact ?? [])).toBeLessThanOrEqual(1.1 * STATED[storage]);
  });

  test('a stride has no meaning for codes', () => {
    expect(() => matmulLaunch('nt', [8, 8], { M: 1, N: 8, K: 8, ldb: 8 }, { storage: 'q8' })).toThrow(
      'rows of q8',
    );
  });
});
