import {
  embeddingBackward as backwardKernel,
  embeddingBackwardLaunch,
  embeddingForward as forwardKernel,
  embeddingForwardLaunch,
} from '../../kernels/embedding';
import type { Tensor } from '../../gpu/arena';
import type { Recorder } from './recorder';

/** out (N,C) = weight[tokens]. */
export function embeddingForward(r: Recorder, tokens: Tensor, weight: Tensor, out: Tensor): void {
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
