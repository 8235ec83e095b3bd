import { fill, fillLaunch } from '../kernels/fill';
import type { ActivationGradients, Activations, BatchInputs, LayerActivations } from './activations';
import { attentionBackward, attentionForward, rotate } from './layers/attention';
import { embeddingBackward, embeddingForward } from './layers/embedding';
import { mlpActivate, mlpBackward, mlpForward } from './layers/mlp';
import { normBackward, normForward, normWeightsBackward, residualNormForward } from './layers/norm';
import type { LayerDims, Recorder } from './layers/recorder';
import type { LayerParameters, Parameters } from './parameters';
import type { View } from '../gpu/arena';

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
    attentionForward(r, own, layer, branch, () => attend(layer, l));
    if (r.config.block === 'parallel') {
      normForward(r, layer.stream, own.mlpNorm, layer.mlpIn, layer.mlpStats);
      mlpForward(r, own, layer, branch, { accumulate: true });
    } else {
      residualNormForward(r, layer.stream, branch, own.mlpNorm, layer.middle, layer.mlpIn, layer.mlpStats);
      mlpForward(r, own, layer, branch);
    }
  });
  const last = saved.layers.at(-1);
  if (last)
    residualNormForward(r, last.middle, branch, weights.norm, saved.stream, saved.hidden, saved.stats);
}

/** A block's forward once more, from its input and what its attention gave, to everything its backward reads. */
function recomputeBlock(
  r: Recorder,
  own: LayerParameters,
  layer: LayerActivations,
  l: number,
  { branch }: Activations,
  inputs: BatchInputs,
): void {
  normForward(r, layer.stream, own.attentionNorm, layer.attentionIn, layer.attentionStats);
  attentionForward(r, own, layer, branch, () => rotate(r, layer.qkv, l, inputs, 1));
  if (r.config.block === 'parallel') {
    normForward(r, layer.stream, own.mlpNorm, layer.mlpIn, layer.mlpStats);
  } else {
    residualNormForward(r, layer.stream, branch, own.mlpNorm, layer.middle, layer.mlpIn, layer.mlpStats);
  }
  mlpActivate(r, own, layer);
}

/**
 * The forward read in reverse: from `grads.normed` (N,C), the gradient of the final normed hidden states, to every
 * parameter's gradient, accumulated in `dweights`.
 */
export function transformerBackward(
  r: Recorder,
  weights: Parameters,
  dweights: Parameters,
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
    mlpBackward(r, dstream, own, down, layer, grads, dmlpNormed);
    const mlpNormBackward = (): void =>
      normBackward(r, dmlpNormed, layer.middle, own.mlpNorm, layer.mlpStats, dstream, grads);
    // In parallel both branches have the block's dout, which the norms add to.
    if (block === 'sequential') mlpNormBackward();
    attentionBackward(r, dstream, own, down, l, layer, grads, inputs, dnormed);
    if (block === 'parallel') mlpNormBackward();
    normBackward(r, dnormed, layer.stream, own.attentionNorm, layer.attentionStats, dstream, grads);
  }
  normWeightsBackward(r, grads, dweights);
  embeddingBackward(r, dstream, inputs, dweights);
}
