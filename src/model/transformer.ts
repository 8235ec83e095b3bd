import { fill, fillLaunch } from '../kernels/fill';
import type { ActivationGradients, Activations, BatchInputs, LayerActivations } from './activations';
import { attentionBackward, attentionForward, attentionProject, rotate } from './layers/attention';
import { embeddingBackward, embeddingForward } from './layers/embedding';
import { mlpBackward, mlpForward, mlpUp } from './layers/mlp';
import {
  normBackward,
  normForward,
  normWeightsBackward,
  postNormBackward,
  postNormForward,
  residualNormForward,
  type PostNorm,
} from './layers/norm';
import type { LayerDims, Recorder } from './layers/recorder';
import type { Gradients, LayerParameters, Parameters } from './parameters';
import type { Tensor, View } from '../gpu/arena';

/** How layer `index` attends, positions included: within a packed batch, or over a KV cache. */
export type Attend = (layer: LayerActivations, index: number) => void;

/**
 * A decoder as its config has it: tokens (N) at their positions (N) to final normed hidden states `saved.hidden` (N,C).
 * Every intermediate that the backward needs stays in `saved`.
 */
export function transformerForward<D extends LayerDims>(
  r: Recorder<D>,
  weights: Parameters,
  saved: Activations,
  tokens: View,
  positions: View,
  attend: Attend,
): void {
  const { branch } = saved;
  saved.layers.forEach((layer, l) => {
    const own = weights.layers[l];
    if (!own) return;
    const before = saved.layers[l - 1];
    if (!before) {
      embeddingForward(r, tokens, positions, weights, layer.stream);
      normForward(r, layer.stream, own.attentionNorm, layer.attentionIn, layer.attentionStats);
    } else {
      const { stream, attentionIn, attentionStats } = layer;
      residualNormForward(r, before.middle, branch, own.attentionNorm, stream, attentionIn, attentionStats);
    }
    attentionBranch(r, own, layer, branch, () => attend(layer, l));
    mlpNormForward(r, own, layer, branch);
    mlpBranch(r, own, layer, branch);
  });
  const last = saved.layers.at(-1);
  if (last)
    residualNormForward(r, last.middle, branch, weights.norm, saved.stream, saved.hidden, saved.stats);
}

/** branch (N,C) = what attention adds to the stream. */
function attentionBranch<D extends LayerDims>(
  r: Recorder<D>,
  own: LayerParameters,
  layer: LayerActivations,
  branch: Tensor,
  attend: () => void,
): void {
  attentionForward(r, own, layer, layer.attentionOut ?? branch, attend);
  postNormForward(r, attentionPostNorm(own, layer), branch);
}

/** The MLP's input: of the stream with attention's branch in it, or, in parallel, of what attention read. */
function mlpNormForward<D extends LayerDims>(
  r: Recorder<D>,
  own: LayerParameters,
  { stream, middle, mlpIn, mlpStats }: LayerActivations,
  branch: Tensor,
): void {
  if (r.config.block === 'parallel') normForward(r, stream, own.mlpNorm, mlpIn, mlpStats);
  else residualNormForward(r, stream, branch, own.mlpNorm, middle, mlpIn, mlpStats);
}

/** branch (N,C) = what the MLP adds to the stream; in parallel it is added to attention's. */
function mlpBranch<D extends LayerDims>(
  r: Recorder<D>,
  own: LayerParameters,
  layer: LayerActivations,
  branch: Tensor,
): void {
  const accumulate = r.config.block === 'parallel';
  mlpForward(r, own, layer, layer.mlpOut ?? branch, { accumulate });
  postNormForward(r, mlpPostNorm(own, layer), branch);
}

/** The norms between a block's halves and the stream, where there are any. */
export const attentionPostNorm = (own: LayerParameters, layer: LayerActivations): PostNorm => ({
  norm: own.attentionPostNorm,
  inp: layer.attentionOut,
  stats: layer.attentionOutStats,
});

export const mlpPostNorm = (own: LayerParameters, layer: LayerActivations): PostNorm => ({
  norm: own.mlpPostNorm,
  inp: layer.mlpOut,
  stats: layer.mlpOutStats,
});

/**
 * A block's forward once more, from what was kept of it to everything its backward reads. What an attention or MLP gives is
 * among that only where a norm follows.
 */
function recomputeBlock(
  r: Recorder,
  own: LayerParameters,
  layer: LayerActivations,
  l: number,
  { branch }: Activations,
  inputs: BatchInputs,
): void {
  normForward(r, layer.stream, own.attentionNorm, layer.attentionIn, layer.attentionStats);
  const attend = (): void => rotate(r, layer.qkv, l, inputs, 1);
  if (own.attentionPostNorm) attentionBranch(r, own, layer, branch, attend);
  else {
    attentionProject(r, own, layer);
    attend();
  }
  normForward(r, layer.middle, own.mlpNorm, layer.mlpIn, layer.mlpStats);
  if (own.mlpPostNorm) mlpBranch(r, own, layer, branch);
  else mlpUp(r, own, layer);
}

/**
 * The forward read in reverse: from `grads.normed` (N,C), the gradient of the final normed hidden states, to every
 * parameter's gradient, accumulated in `dweights`; what it leaves out is frozen.
 */
export function transformerBackward(
  r: Recorder,
  weights: Parameters,
  dweights: Gradients,
  saved: Activations,
  grads: ActivationGradients,
  inputs: BatchInputs,
): void {
  const { hidden_size: C, block } = r.config;
  const { stream: dstream, normed: dnormed, mlpNormed: dmlpNormed } = grads;
  r.plan.add(fill, { out: dstream }, ({ N }) => fillLaunch({ count: N * C, value: 0 }));
  normBackward(r, dnormed, saved.stream, weights.norm, saved.stats, dstream, grads);
  for (let l = saved.layers.length - 1; l >= 0; l--) {
    const layer = saved.layers[l];
    const own = weights.layers[l];
    const down = dweights.layers[l];
    if (!layer || !own || !down) continue;
    // What the last block shares with the others is still its own.
    const gone = saved.keep === 'checkpoints' && l < saved.layers.length - 1;
    if (gone) recomputeBlock(r, own, layer, l, saved, inputs);
    const dmlp = postNormBackward(r, dstream, mlpPostNorm(own, layer), grads);
    mlpBackward(r, dmlp, own, down, layer, grads, dmlpNormed);
    const mlpNormBackward = (): void =>
      normBackward(r, dmlpNormed, layer.middle, own.mlpNorm, layer.mlpStats, dstream, grads);
    // In parallel both branches have the block's dout, which the norms add to.
    if (block === 'sequential') mlpNormBackward();
    const dattention = postNormBackward(r, dstream, attentionPostNorm(own, layer), grads);
    // Beneath the first block of a frozen model nothing waits for a gradient.
    const dinp = l === 0 && !dweights.embed ? undefined : dnormed;
    attentionBackward(r, dattention, own, down, l, layer, grads, inputs, dinp);
    if (!dinp) continue;
    if (block === 'parallel') mlpNormBackward();
    normBackward(r, dinp, layer.stream, own.attentionNorm, layer.attentionStats, dstream, grads);
  }
  normWeightsBackward(r, grads, dweights);
  embeddingBackward(r, dstream, inputs, dweights);
}
