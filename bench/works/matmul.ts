import { addMatmul, type MatmulLayout } from '../../src/kernels/matmul';
import { matmulMerge, matmulMergeLaunch } from '../../src/kernels/matmul_split';
import { rowWords, STORAGES, type Storage } from '../../src/kernels/quantize';
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
  { accumulate = false, bStorage = 'f32' }: { accumulate?: boolean; bStorage?: Storage } = {},
): KernelWork {
  const rows = (count: number, length: number, storage: Storage = 'f32'): number =>
    count * rowWords(storage, roundUp4(length));
  return {
    kernel: `matmul_${layout}`,
    role,
    dims: { M, N, K },
    operands: {
      a: layout === 'tn' ? rows(K, M) : rows(M, K),
      b: layout === 'nt' ? rows(N, K, bStorage) : rows(K, N, bStorage),
      out: rows(M, N),
    },
    record: (plan, { a, b, out }, gpu) => {
      if (a && b && out)
        addMatmul(plan, gpu, layout, { a, b, out }, () => ({ M, N, K, accumulate }), { bStorage });
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
    matmulWork('tn', role, out, inp, N, { accumulate: true }),
  ]);
  const [M, size] = [C, C * roundUp4(C)];
  const merge = plainWork(
    matmulMerge,
    { M, N: C, slices: SLICES },
    { partials: SLICES * size, out: size },
    matmulMergeLaunch({ M, N: C }, SLICES),
  );
  return [...products, ...storedWorks(shapes, N), merge];
}

/** The model whose frozen weights are measured as they may be stored: of a size that LoRA trains. */
const STORED = 'SmolLM2-135M';

/** A projection of frozen weights in fewer bits, forward and gradient of its input. */
function storedWorks({ model, C, F }: Shapes, N: number): KernelWork[] {
  if (model !== STORED) return [];
  return STORAGES.filter((storage) => storage !== 'f32').flatMap((bStorage) => [
    matmulWork('nt', `down_${bStorage}`, N, C, F, { bStorage }),
    matmulWork('nn', `down_${bStorage}`, N, F, C, { bStorage }),
  ]);
}
