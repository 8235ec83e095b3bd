import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Arena } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { Plan } from '../gpu/plan';
import { Stream } from '../gpu/stream';
import { openTestGpu } from '../gpu/testing';
import { testNumbers } from './case_numbers';
import { expectClose } from './compare';
import { addMatmul, choicesOf, defaultChoices, pinChoices } from './matmul';
import { isFor, matmulConfigurationNames } from './matmul_configurations';
import { matmulReference } from './matmul.reference';
import { tuneMatmuls } from './tuner';

describe('tuner', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await openTestGpu({ defaultLimits: true });
  });
  afterAll(() => gpu.close());

  test('without time there is the default table, the same every time', async () => {
    const table = await tuneMatmuls(gpu, [{ layout: 'nn', M: 4, N: 64, K: 64 }], 0);
    expect(table).toEqual(defaultChoices(gpu.facts));
  });

  test('measures the classes it is asked for, in configurations of one kind, and leaves the others', async () => {
    const table = await tuneMatmuls(gpu, [{ layout: 'nn', M: 4, N: 64, K: 64 }], 1e6);
    const preset: Record<string, string> = defaultChoices(gpu.facts);
    const kind = preset['nn/few']?.split('_')[0] ?? 'none';
    expect(matmulConfigurationNames).toContain(table['nn/few']);
    expect(table['nn/few']?.startsWith(kind)).toBe(true);
    expect({ ...table, 'nn/few': '' }).toEqual({ ...preset, 'nn/few': '' });
  });
});

test('a table is pinned once; what it does not know stays as it was', async () => {
  const gpu = await openTestGpu();
  const preset = defaultChoices(gpu.facts);
  const [kind, other] = gpu.facts.isSoftware
    ? (['direct_8x32', 'tiled_32x32'] as const)
    : (['tiled_16x64', 'direct_8x32'] as const);
  pinChoices(gpu, { 'nt/many': kind, 'nn/many': other, 'tn/many': 'of another version', 'x/many': kind });
  pinChoices(gpu, { 'nt/few': 'tiled_32x32' });
  expect(gpu.choices).toEqual({ ...preset, 'nt/many': kind });
  gpu.close();
});

/** out of one product for each M of one plan, on a Gpu with this table. */
async function products(
  table: Record<string, string>,
  sizes: number[],
  N: number,
  K: number,
): Promise<Float32Array[]> {
  const gpu = await openTestGpu({ defaultLimits: true });
  pinChoices(gpu, table);
  const most = Math.max(...sizes);
  const arena = new Arena('switching', 'separate');
  const a = arena.tensor('a', [most, K]);
  const b = arena.tensor('b', [N, K]);
  const out = arena.tensor('out', [most, N]);
  arena.allocate(gpu);
  const stream = new Stream(gpu);
  stream.upload(a, testNumbers(most * K, 1));
  stream.upload(b, testNumbers(N * K, 2));
  const plan = new Plan<{ M: number }>(gpu, 'switching');
  addMatmul(plan, gpu, 'nt', { a, b, out }, ({ M }) => ({ M, N, K }));
  const results: Float32Array[] = [];
  for (const M of sizes) {
    plan.prepare({ M });
    const [bytes] = await stream.read('matmul', (pass) => plan.encode(pass), [out]);
    results.push(new Float32Array(bytes ?? new ArrayBuffer(0)).slice(0, M * N));
  }
  expect(Object.keys(choicesOf(gpu))).toHaveLength(12);
  plan.destroy();
  stream.destroy();
  arena.destroy();
  gpu.close();
  return results;
}

test('a row has the same bits on both sides of every switching point and under every choice', async () => {
  const [N, K] = [72, 52];
  const sizes = [1, 8, 9, 64, 65];
  const probe = await openTestGpu();
  const { facts } = probe;
  const kind = defaultChoices(facts)['nt/many'].split('_')[0] ?? '';
  probe.close();
  const plain = await products({}, sizes, N, K);
  const [largest] = plain.slice(-1);
  const expected = matmulReference('nt', testNumbers(65 * K, 1), testNumbers(N * K, 2), {
    M: 65,
    N,
    K,
    lda: K,
    ldb: K,
  });
  expectClose('out', largest ?? [], expected, {
    atol: 1e-4,
    rtol: 1e-5,
    reason: 'sums of 52 products in f32',
  });
  for (const result of plain) expect(result).toEqual(largest?.slice(0, result.length));
  for (const name of matmulConfigurationNames.filter((one) => one.startsWith(kind) && isFor(one, facts))) {
    const [other] = await products({ 'nt/many': name }, [65], N, K);
    expect(other).toEqual(largest);
  }
});

test('nor do they change where a product counts as large', async () => {
  const [less, large] = await products({}, [255, 256], 256, 256);
  expect(less).toEqual(large?.slice(0, 255 * 256));
});
