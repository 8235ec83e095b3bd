import { beforeAll, describe, expect, test } from 'vitest';
import { Arena } from '../gpu/arena';
import { GpuCounter } from '../gpu/counting';
import type { Gpu } from '../gpu/device';
import { Plan } from '../gpu/plan';
import { Stream } from '../gpu/stream';
import { openTestGpu, sharedTestGpu } from '../gpu/testing';
import { testNumbers } from './case_numbers';
import { expectClose } from './compare';
import { addMatmul, pinChoices, type MatmulDims } from './matmul';
import { matmulConfigurationNames } from './matmul_configurations';
import { matmulReference } from './matmul.reference';
import {
  mostPartialFloats,
  partialFloats,
  sliceLength,
  slicesOf,
  splitRule,
  type SplitRule,
} from './matmul_split';

const FORCED: SplitRule = { tile: 16, workgroups: 64, depth: 16 };

describe('the rule', () => {
  const GPU = splitRule({ split: undefined, facts: { isSoftware: false } } as Gpu);
  const software = splitRule({ split: undefined, facts: { isSoftware: true } } as Gpu);

  test('fills a GPU, and leaves alone what has tiles enough or too little depth', () => {
    // Weight gradients of mini and of SmolLM2-135M at 2,112 tokens, and its head's input gradient for 256 rows.
    expect(slicesOf(GPU, { M: 128, N: 128, K: 2112 })).toBe(15);
    expect(slicesOf(GPU, { M: 688, N: 128, K: 2112 })).toBe(12);
    expect(slicesOf(GPU, { M: 576, N: 576, K: 2112 })).toBe(4);
    expect(slicesOf(GPU, { M: 256, N: 576, K: 49152 })).toBe(8);
    expect(slicesOf(GPU, { M: 3072, N: 576, K: 2112 })).toBe(1);
    expect(slicesOf(GPU, { M: 64, N: 64, K: 255 })).toBe(1);
    expect(slicesOf(GPU, { M: 0, N: 64, K: 1000 })).toBe(1);
    expect(slicesOf(GPU, { M: 64, N: 64, K: 0 })).toBe(1);
  });

  test('leaves a software adapter alone from four tiles on', () => {
    expect(slicesOf(software, { M: 64, N: 64, K: 100_000 })).toBe(1);
    expect(slicesOf(software, { M: 32, N: 32, K: 2112 })).toBe(4);
  });

  test('slices cover k, none is empty, and partial sums fit the room and the cap', () => {
    for (const [rule, cap] of [
      [GPU, 8 * 2 ** 20],
      [software, 32 * 2 ** 10],
      [FORCED, 2 * 64 * 16 * 16 * 4],
    ] as const)
      for (const M of [1, 3, 64, 65, 130, 700])
        for (const N of [1, 63, 64, 129, 1000])
          for (const K of [1, 17, 100, 255, 1000, 2113, 50_000]) {
            const slices = slicesOf(rule, { M, N, K });
            const length = sliceLength(K, slices);
            expect(slices * length).toBeGreaterThanOrEqual(K);
            expect((slices - 1) * length).toBeLessThan(K);
            if (slices === 1) continue;
            const floats = partialFloats(slices, { M, N });
            expect(4 * floats).toBeLessThan(cap);
            expect(floats).toBeLessThanOrEqual(mostPartialFloats(rule, 'tn', { M, N, K: K + 40 }));
            expect(floats).toBeLessThanOrEqual(mostPartialFloats(rule, 'nn', { M: M + 99, N, K }));
          }
  });
});

describe('addMatmul with room for partial sums', () => {
  let gpu: Gpu;
  let counter: GpuCounter;
  beforeAll(async () => {
    gpu = await sharedTestGpu();
    gpu.split = FORCED;
    counter = new GpuCounter(gpu);
  });

  const [N, most] = [20, 200] as const;

  /** out (M,N) += aᵀ b for every K of one plan, and the dispatches each took. */
  async function products(on: Gpu, M: number, depths: number[]): Promise<Float32Array[]> {
    const arena = new Arena('split', 'separate');
    const a = arena.tensor('a', [most, M]);
    const b = arena.tensor('b', [most, N]);
    const out = arena.tensor('out', [M, N]);
    const partials = arena.tensor('partials', [mostPartialFloats(FORCED, 'tn', { M, N, K: most })]);
    arena.allocate(on);
    const stream = new Stream(on);
    stream.upload(a, testNumbers(most * M, 1));
    stream.upload(b, testNumbers(most * N, 2));
    const plan = new Plan<MatmulDims>(on, 'split');
    addMatmul(plan, on, 'tn', { a, b, out }, (dims) => dims, { partials });
    const results: Float32Array[] = [];
    for (const K of depths) {
      stream.upload(out, new Float32Array(M * N).fill(0.5));
      plan.prepare({ M, N, K, accumulate: true });
      const [bytes] = await stream.read('split', (pass) => plan.encode(pass), [out]);
      results.push(new Float32Array(bytes ?? new ArrayBuffer(0)));
    }
    plan.destroy();
    stream.destroy();
    arena.destroy();
    return results;
  }

  test.each([4, 12, 68])(
    '%d rows: one plan, whole and split, equal to the reference and to itself',
    async (M) => {
      const depths = [31, 32, 0, 65, 200, 33];
      const found = await products(gpu, M, depths);
      depths.forEach((K, i) => {
        const dims = { M, N, K, lda: M, ldb: N };
        const product = matmulReference('tn', testNumbers(most * M, 1), testNumbers(most * N, 2), dims);
        const tolerance = { atol: 2e-4, rtol: 1e-5, reason: 'up to 200 products are summed in f32' };
        expectClose(
          `K=${K}`,
          found[i] ?? [],
          product.map((value) => value + 0.5),
          tolerance,
        );
      });
      expect(await products(gpu, M, depths)).toEqual(found);
    },
  );

  test('the product and the merge are two dispatches, a whole product is one', async () => {
    const of = async (K: number): Promise<number> => {
      counter.take();
      await products(gpu, 12, [K]);
      return counter.take().dispatches;
    };
    expect([await of(31), await of(32)]).toEqual([1, 2]);
  });

  test('the tuner’s choice changes no bit', async () => {
    const [kind = ''] = (gpu.choices['tn/some'] ?? '').split('_');
    const names = matmulConfigurationNames.filter((name) => name.startsWith(kind));
    const [expected] = await products(gpu, 12, [200]);
    for (const name of names) {
      const other = await openTestGpu({ defaultLimits: true });
      other.split = FORCED;
      pinChoices(other, { 'tn/some': name });
      expect((await products(other, 12, [200]))[0]).toEqual(expected);
      other.close();
    }
    expect(names.length).toBeGreaterThan(2);
  });

  test('too little room is refused', () => {
    const arena = new Arena('small', 'separate');
    const [a, b, out, partials] = ['a', 'b', 'out', 'partials'].map((name) => arena.tensor(name, [16]));
    if (!a || !b || !out || !partials) throw new Error('no tensors');
    arena.allocate(gpu);
    const plan = new Plan<null>(gpu, 'small');
    addMatmul(plan, gpu, 'tn', { a, b, out }, () => ({ M: 4, N: 4, K: 64 }), { partials });
    expect(() => plan.prepare(null)).toThrow('bytes of partial sums');
    plan.destroy();
    arena.destroy();
  });
});
