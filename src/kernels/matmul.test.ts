import { beforeAll, describe, expect, test } from 'vitest';
import { Arena } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { Plan } from '../gpu/plan';
import { runOnce } from '../gpu/run_once';
import { Stream } from '../gpu/stream';
import { sharedTestGpu } from '../gpu/testing';
import { testNumbers } from './case_numbers';
import { expectClose, expectGradient, F32 } from './compare';
import { addMatmul, matmulLaunch, matmulShapes, type MatmulLayout } from './matmul';
import { matmulCases } from './matmul.cases';
import { matmulSplitCases } from './matmul_split.cases';
import {
  isFor,
  MATMUL_LAYOUTS,
  matmulBlocking,
  matmulConfigurationNames,
  matmulKernel,
} from './matmul_configurations';
import { matmulTile } from './matmul_text';
import { matmulReference } from './matmul.reference';
import { describeCases } from './testing';

describeCases('matmul', matmulCases);
// Here and not beside the split's rules: the kernels are the same, and compiled once a file.
describeCases('split matmul', matmulSplitCases);

describe('matmul reference', () => {
  // y = x w^T, loss = sum(dy * y): then dx = dy w (nn) and dw = dy^T x (tn).
  const [M, N, K] = [3, 5, 4];
  const x = Float64Array.from(testNumbers(M * K, 1));
  const w = Float64Array.from(testNumbers(N * K, 2));
  const dy = Float64Array.from(testNumbers(M * N, 3));
  const loss = (): number =>
    matmulReference('nt', x, w, { M, N, K, lda: K, ldb: K }).reduce((sum, y, i) => sum + y * (dy[i] ?? 0), 0);

  test('nn is the gradient of nt with respect to its input', () => {
    const dx = matmulReference('nn', dy, w, { M, N: K, K: N, lda: N, ldb: K });
    expectGradient('dx', loss, x, dx);
  });
  test('tn is the gradient of nt with respect to its weight', () => {
    const dw = matmulReference('tn', dy, x, { M: N, N: K, K: M, lda: N, ldb: K });
    expectGradient('dw', loss, w, dw);
  });
});

test('a row stride that cannot be is refused', () => {
  expect(() => matmulLaunch('nt', [64, 64], { M: 1, N: 8, K: 8, lda: 6 })).toThrow('lda is 6');
  expect(() => matmulLaunch('nn', [8, 64], { M: 1, N: 8, K: 8, ldc: 4 })).toThrow('ldc is 4');
});

describe('matmul on the GPU', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await sharedTestGpu();
  });

  const rows = (
    layout: MatmulLayout,
    a: Float32Array,
    first: number,
    count: number,
    M: number,
    K: number,
  ) => {
    if (layout !== 'tn') return a.slice(first * K, (first + count) * K);
    const out = new Float32Array(K * count);
    for (let k = 0; k < K; k++) out.set(a.subarray(k * M + first, k * M + first + count), k * count);
    return out;
  };

  test.each(MATMUL_LAYOUTS)('%s: a row has the same bits whatever batch it is in', async (layout) => {
    const [M, N, K] = [72, 44, 52];
    const shapes = matmulShapes(layout, { M, N, K });
    const a = testNumbers(shapes.a[0] * shapes.a[1], 1);
    const b = testNumbers(shapes.b[0] * shapes.b[1], 2);
    const { subgroupSize } = gpu.facts;
    for (const configuration of matmulConfigurationNames.filter((name) => isFor(name, gpu.facts))) {
      const tile = matmulTile(matmulBlocking(configuration, subgroupSize));
      const kernel = matmulKernel(layout, configuration, subgroupSize);
      const multiply = async (first: number, count: number): Promise<Float32Array> => {
        const { params, grid } = matmulLaunch(layout, tile, { M: count, N, K });
        const part = rows(layout, a, first, count, M, K);
        const { out } = await runOnce(gpu, kernel, { a: part, b, out: count * N }, params, grid);
        return out ?? new Float32Array();
      };
      const whole = await multiply(0, M);
      for (const [first, count] of [
        [0, 4],
        [4, 36],
        [68, 4],
      ] as const) {
        const part = await multiply(first, count);
        expect(part, configuration).toEqual(whole.slice(first * N, (first + count) * N));
      }
    }
  });

  test('one plan runs several sizes, none of them too small', async () => {
    const arena = new Arena('matmul', 'separate');
    const a = arena.tensor('a', [8, 8]);
    const b = arena.tensor('b', [8, 8]);
    const out = arena.tensor('out', [8, 8]);
    arena.allocate(gpu);
    const stream = new Stream(gpu);
    const plan = new Plan<{ M: number }>(gpu, 'matmul');
    addMatmul(plan, gpu, 'nt', { a, b, out }, ({ M }) => ({ M, N: 8, K: 8 }));
    const values = testNumbers(64, 1);
    stream.upload(a, values);
    stream.upload(b, values);
    for (const M of [8, 0, 3]) {
      stream.upload(out, new Float32Array(64).fill(7));
      plan.prepare({ M });
      const [bytes] = await stream.read('matmul', (pass) => plan.encode(pass), [out]);
      const expected = new Float64Array(64).fill(7);
      expected.set(matmulReference('nt', values, values, { M, N: 8, K: 8, lda: 8, ldb: 8 }));
      expectClose('out', new Float32Array(bytes ?? new ArrayBuffer(0)), expected, F32);
    }
    plan.destroy();
    stream.destroy();
    arena.destroy();
  });
});
