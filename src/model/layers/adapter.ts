import { addMatmul, type MatmulExtras } from '../../kernels/matmul';
import type { Tensor, View } from '../../gpu/arena';
import type { LayerDims, Recorder } from './recorder';

/**
 * A low-rank term beside a projection (Hu et al. 2021, arXiv:2106.09685): y += (x Aᵀ) Bᵀ. Of fused modules the As lie below
 * each other and B is a block for each, scaled: see lora_expand.
 */
export interface LinearAdapter {
  /** (R,inp) */
  readonly a: Tensor;
  /** (out,R), rows padded to a multiple of 4 */
  readonly b: Tensor;
  /** (N,R) room for x Aᵀ and for its gradient, the same for all. */
  readonly down: Tensor;
  readonly ddown: Tensor;
}

/** Where the gradients of A and B are added up. */
export type AdapterGradient = Pick<LinearAdapter, 'a' | 'b'>;

/** down (N,R) = x Aᵀ, of rows that are normed on the way in where `norm` is given. */
export function adapterDown<D extends LayerDims>(
  { plan, gpu }: Recorder<D>,
  { a, b, down }: LinearAdapter,
  x: View,
  { norm }: Pick<MatmulExtras, 'norm'> = {},
): void {
  const { rank, inp } = dimsOf({ a, b });
  const dims = ({ N }: D) => ({ M: N, N: rank, K: inp });
  addMatmul(plan, gpu, 'nt', { a: x, b: a, out: down }, dims, norm ? { norm } : {});
}

/** out (N,out) += (x Aᵀ) Bᵀ. */
export function adapterForward<D extends LayerDims>(
  r: Recorder<D>,
  adapter: LinearAdapter,
  x: View,
  out: View,
): void {
  const { plan, gpu } = r;
  const { b, down } = adapter;
  const { rank, width } = dimsOf(adapter);
  adapterDown(r, adapter, x);
  addMatmul(plan, gpu, 'nt', { a: down, b, out }, ({ N }) => ({ M: N, N: width, K: rank, accumulate: true }));
}

/** From dout (N,out): du = dout B, left in `ddown`, and dx (N,inp) += du A, where it is wanted. */
export function adapterInputBackward<D extends LayerDims>(
  r: Recorder<D>,
  { a, b, ddown }: LinearAdapter,
  dout: View,
  dx: View | undefined,
): void {
  const { plan, gpu } = r;
  const { rank, width, inp } = dimsOf({ a, b });
  addMatmul(plan, gpu, 'nn', { a: dout, b, out: ddown }, ({ N }) => ({ M: N, N: rank, K: width }));
  if (!dx) return;
  const dims = ({ N }: D) => ({ M: N, N: inp, K: rank, accumulate: true });
  addMatmul(plan, gpu, 'nn', { a: ddown, b: a, out: dx }, dims);
}

/** Behind `adapterInputBackward`, with u = x Aᵀ computed again: dB += doutᵀ u and dA += duᵀ x. */
export function adapterWeightsBackward<D extends LayerDims>(
  r: Recorder<D>,
  adapter: LinearAdapter,
  dadapter: AdapterGradient,
  x: View,
  dout: View,
): void {
  const { plan, gpu } = r;
  const { down, ddown } = adapter;
  const { rank, width, inp } = dimsOf(adapter);
  adapterDown(r, adapter, x);
  addMatmul(plan, gpu, 'tn', { a: dout, b: down, out: dadapter.b }, ({ N }) => ({
    M: width,
    N: rank,
    K: N,
    accumulate: true,
  }));
  addMatmul(plan, gpu, 'tn', { a: ddown, b: x, out: dadapter.a }, ({ N }) => ({
    M: rank,
    N: inp,
    K: N,
    accumulate: true,
  }));
}

function dimsOf({ a, b }: AdapterGradient): { rank: number; width: number; inp: number } {
  const [rank = 0, inp = 0] = a.shape;
  return { rank, width: b.shape[0] ?? 0, inp };
}
