import { biasBackward, biasBackwardConstants, biasBackwardLaunch } from '../../kernels/bias';
import { addMatmul, type MatmulExtras } from '../../kernels/matmul';
import type { Storage } from '../../kernels/quantize';
import type { Tensor, View } from '../../gpu/arena';
import {
  adapterDown,
  adapterForward,
  adapterInputBackward,
  adapterWeightsBackward,
  type AdapterGradient,
  type LinearAdapter,
} from './adapter';
import type { LayerDims, Recorder } from './recorder';

/** A projection as the layers see it: y (N,out) = x (N,inp) Wᵀ (+ b). */
export interface Linear {
  /** (out,inp) */
  readonly weight: Tensor;
  /** (out) */
  readonly bias?: Tensor | undefined;
  readonly out: number;
  readonly inp: number;
  /** How a frozen weight lies on the GPU; f32 when left out. */
  readonly storage?: Storage;
  /** A low-rank term that is added. */
  readonly adapter?: LinearAdapter | undefined;
}

/** What a projection's backward adds to; what is left out is frozen. */
export interface LinearGradient extends Partial<Pick<Linear, 'weight' | 'bias'>> {
  readonly adapter?: AdapterGradient | undefined;
}

/** out (N,out) = x Wᵀ + b, or += with `accumulate`. */
export function linearForward<D extends LayerDims>(
  r: Recorder<D>,
  linear: Linear,
  x: View,
  out: View,
  { accumulate = false }: { accumulate?: boolean } = {},
): void {
  addMatmul(
    r.plan,
    r.gpu,
    'nt',
    { a: x, b: linear.weight, out },
    ({ N }) => ({ M: N, N: linear.out, K: linear.inp, accumulate }),
    ownExtras(linear),
  );
  if (linear.adapter) adapterForward(r, linear.adapter, x, out);
}

/** What may join a projection: see MatmulExtras. */
export type LinearExtras = Pick<MatmulExtras, 'norm' | 'residual' | 'gated' | 'activated'>;

/**
 * out = x Wᵀ + b with all of `extras` in one dispatch, two with an adapter: for generation, where rows are few. With a gate
 * W is gate rows, then up rows, and out (N,out/2).
 */
export function linearFused<D extends LayerDims>(
  r: Recorder<D>,
  linear: Linear,
  x: View,
  out: View,
  extras: LinearExtras,
): void {
  const { plan, gpu } = r;
  const { adapter, inp: K } = linear;
  if (adapter) adapterDown(r, adapter, x, extras);
  const width = extras.gated ? linear.out / 2 : linear.out;
  addMatmul(plan, gpu, 'nt', { a: x, b: linear.weight, out }, ({ N }) => ({ M: N, N: width, K }), {
    ...extras,
    ...ownExtras(linear),
    ...(adapter ? { adapter: { low: adapter.down, high: adapter.b, R: adapter.b.shape[1] ?? 0 } } : {}),
  });
}

const ownExtras = ({ bias, storage = 'f32' }: Linear): MatmulExtras => ({
  ...(bias ? { bias } : {}),
  bStorage: storage,
});

/** `linearInputBackward`, then `linearWeightsBackward`. */
export function linearBackward<D extends LayerDims>(
  r: Recorder<D>,
  linear: Linear,
  dlinear: LinearGradient | undefined,
  x: View,
  dout: View,
  dx: View | undefined,
): void {
  linearInputBackward(r, linear, dout, dx);
  linearWeightsBackward(r, linear, dlinear, x, dout);
}

/** From dout (N,out): dx (N,inp) = dout W, where it is wanted; an adapter's share included. */
export function linearInputBackward<D extends LayerDims>(
  r: Recorder<D>,
  linear: Linear,
  dout: View,
  dx: View | undefined,
): void {
  const { out, inp } = linear;
  if (dx) {
    const dims = ({ N }: D) => ({ M: N, N: inp, K: out });
    const extras = { bStorage: linear.storage ?? 'f32', partials: r.partials };
    addMatmul(r.plan, r.gpu, 'nn', { a: dout, b: linear.weight, out: dx }, dims, extras);
  }
  if (linear.adapter) adapterInputBackward(r, linear.adapter, dout, dx);
}

/** What `dlinear` has of dW += doutᵀ x, db += Σ dout and an adapter's; behind `linearInputBackward` of the same projection. */
export function linearWeightsBackward<D extends LayerDims>(
  r: Recorder<D>,
  linear: Linear,
  dlinear: LinearGradient | undefined,
  x: View,
  dout: View,
): void {
  const { plan, gpu, partials } = r;
  const { out, inp } = linear;
  if (dlinear?.weight) {
    addMatmul(
      plan,
      gpu,
      'tn',
      { a: dout, b: x, out: dlinear.weight },
      ({ N }) => ({ M: out, N: inp, K: N, accumulate: true }),
      { partials },
    );
  }
  if (dlinear?.bias) {
    const launch = ({ N }: D) => biasBackwardLaunch({ N, C: out });
    plan.add(biasBackward, { dout, dbias: dlinear.bias }, launch, biasBackwardConstants(gpu));
  }
  if (linear.adapter && dlinear?.adapter) {
    adapterWeightsBackward(r, linear.adapter, dlinear.adapter, x, dout);
  }
}
