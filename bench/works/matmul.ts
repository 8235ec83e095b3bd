import { addMatmul, type MatmulLayout } from '../../src/kernels/matmul';
import { matmulMerge, matmulMergeLaunch } from '../../src/kernels/matmul_split';
import type { KernelWork } from '../kernel_work';
import type { Shapes } from '../shapes';
import { plainWork } from './layer';

const roundUp4 = (n: number): number => Math.ceil(n / 4) * 4;

/** out (M,N) of a sum over K, in one of the three layouts. */
export function matmulWork(
  layout: MatmulLayout,
  role: string,
  M: number,
  N: number,
  K: number,
  accumulate = false,
): KernelWork {
  const rows = (count: number, length: number): number => count * roundUp4(length);
  return {
    kernel: `matmul_${layout}`,
    role,
    dims: { M, N, K },
    operands: {
      a: layout === 'tn' ? rows(K, M) : rows(M, K),
      b: layout === 'nt' ? rows(N, K) : rows(K, N),
      out: rows(M, N),
    },
    record: (plan, { a, b, out }, gpu) => {
      if (a && b && out) addMatmul(plan, gpu, layout, { a, b, out }, () => ({ M, N, K, accumulate }));
    },
  };
}

/** Slices of a product over a long k. */
const SLICES = 8;

/** The linear layers of one block for N tokens: forward, gradient of the input, gradient of the weight. */
export function matmulWorks(shapes: Shapes, N: number): KernelWork[] {
  const { C, F, NH, HS, QKV, isLlama } = shapes;
  const layers: [role: string, out: number, inp: number][] = [
    ['qkv', QKV, C],
    ['o', C, NH * HS],
    ['gate_up', isLlama ? 2 * F : F, C],
    ['down', C, F],
  ];
  const products = layers.flatMap(([role, out, inp]) => [
    matmulWork('nt', role, N, out, inp),
    matmulWork('nn', role, N, inp, out),
    matmulWork('tn', role, out, inp, N, true),
  ]);
  const [M, size] = [C, C * roundUp4(C)];
  const merge = plainWork(
    matmulMerge,
    { M, N: C, slices: SLICES },
    { partials: SLICES * size, out: size },
    matmulMergeLaunch({ M, N: C }, SLICES),
  );
  return [...products, merge];
}
