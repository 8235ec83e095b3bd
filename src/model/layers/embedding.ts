import {
  embeddingBackward as backwardKernel,
  embeddingBackwardLaunch,
  addEmbeddingForward,
  positionForward,
  positionForwardLaunch,
} from '../../kernels/embedding';
import type { Tensor, View } from '../../gpu/arena';
import type { BatchInputs } from '../activations';
import type { Gradients, Parameters } from '../parameters';
import type { LayerDims, Recorder } from './recorder';

/** out (N,C) = embed_scale · embed[tokens], and where positions are learned + positions[positions + offset]. */
export function embeddingForward<D extends LayerDims>(
  r: Recorder<D>,
  tokens: View,
  positions: View,
  { embed, positions: table }: Parameters,
  out: Tensor,
): void {
  const { hidden_size: C, embed_scale: scale, learned_positions } = r.config;
  addEmbeddingForward(r.plan, { tokens, out }, embed, ({ N }) => ({ N, C, scale }));
  if (!table) return;
  const first = learned_positions?.offset ?? 0;
  r.plan.add(positionForward, { positions, weight: table, out }, ({ N }) =>
    positionForwardLaunch({ N, C, first }),
  );
}

/** Of each row that the forward read: += Σ dout over the tokens that did, in order (no atomics); tables left out are frozen. */
export function embeddingBackward(
  r: Recorder,
  dout: Tensor,
  { buckets, positionBuckets }: BatchInputs,
  { embed, positions }: Gradients,
): void {
  const { hidden_size: C, embed_scale: scale } = r.config;
  for (const shard of embed ?? []) {
    r.plan.add(backwardKernel, { dout, buckets, dweight: shard.weight }, ({ distinct }) =>
      embeddingBackwardLaunch({ U: distinct, C, scale }, shard),
    );
  }
  if (!positions || !positionBuckets) return;
  r.plan.add(
    backwardKernel,
    { dout, buckets: positionBuckets, dweight: positions },
    ({ distinctPositions }) => embeddingBackwardLaunch({ U: distinctPositions, C }),
  );
}
