import {
  embeddingBackward as backwardKernel,
  embeddingBackwardLaunch,
  embeddingForward as forwardKernel,
  embeddingForwardLaunch,
} from '../../kernels/embedding';
import type { Tensor, View } from '../../gpu/arena';
import type { LayerDims, Recorder } from './recorder';

/** out (N,C) = weight[tokens]. */
export function embeddingForward<D extends LayerDims>(
  r: Recorder<D>,
  tokens: View,
  weight: Tensor,
  out: Tensor,
): void {
  const { hidden_size: C } = r.config;
  r.plan.add(forwardKernel, { tokens, weight, out }, ({ N }) => embeddingForwardLaunch({ N, C }));
}

/** dweight[token] += Σ dout over the token's positions, in order (no atomics). */
export function embeddingBackward(r: Recorder, dout: Tensor, buckets: Tensor, dweight: Tensor): void {
  const { hidden_size: C } = r.config;
  r.plan.add(backwardKernel, { dout, buckets, dweight }, ({ distinct }) =>
    embeddingBackwardLaunch({ U: distinct, C }),
  );
}
