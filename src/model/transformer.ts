import { fill, fillLaunch } from '../kernels/fill';
import type { ActivationGradients, Activations, BatchInputs, LayerActivations } from './activations';
import { attentionBackward, attentionForward } from './layers/attention';
import { embeddingBackward, embeddingForward } from './layers/embedding';
import { mlpActivate, mlpBackward, mlpForward } from './layers/mlp';
import { normBackward, normForward, normWeightsBackward, residualNormForward } from './layers/norm';
import type { Recorder } from './layers/recorder';
import type { LayerParameters, Parameters } from './parameters';
import { rowsOf, type Tensor, type View } from '../gpu/arena';

/** How a block attends: within a packed batch, or over a KV cache. */
export type Attend = (layer: LayerActivations, index: number) => void;

/**
 * A decoder of the Llama family: tokens (N) to final normed hidden states `saved.hidden` (N,C). Every intermediate that
 * the backward needs stays in `saved`.
 */
export function transformerForward(
  r: Recorder,
  weights: Parameters,
  saved: Activations,
  tokens: Tensor,
  positions: Tensor,
  rope: Tensor,
  attend: Attend,
): void {
  saved.layers.forEach((layer, l) => {
    const own = weights.layers[l];
    if (!own) return;
    const before = saved.layers[l - 1];
    if (!before) {
      embeddingForward(r, tokens, weights.embed, layer.stream);
      normForward(r, layer.stream, own.attentionNorm, layer.attentionIn, layer.attentionRstd);
    } else {
      residualNormForward(
        r,
        before.middle,
        saved.branch,
        own.attentionNorm,
        layer.stream,
        layer.attentionIn,
        layer.attentionRstd,
      );
    }
    attentionForward(r, own, layer, positions, rope, saved.branch, () => attend(layer, l));
    residualNormForward(r, layer.stream, saved.branch, own.mlpNorm, layer.middle, layer.mlpIn, layer.mlpRstd);
    mlpForward(r, own, layer, saved.branch);
  });
  const last = saved.layers.at(-1);
  if (last)
    residualNormForward(r, last.middle, saved.branch, weights.norm, saved.stream, saved.hidden, saved.rstd);
}

/** A block's forward once more, from its input and what its attention gave, to everything its backward reads. */
function recomputeBlock(
  r: Recorder,
  own: LayerParameters,
  layer: LayerActivations,
  branch: Tensor,
  { positions, rope }: BatchInputs,
): void {
  normForward(r, layer.stream, own.attentionNorm, layer.attentionIn, layer.attentionRstd);
  attentionForward(r, own, layer, positions, rope, branch, () => undefined);
  residualNormForward(r, layer.stream, branch, own.mlpNorm, layer.middle, layer.mlpIn, layer.mlpRstd);
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
  const { hidden_size: C } = r.config;
  r.plan.add(fill, { out: grads.stream }, ({ N }) => fillLaunch({ count: N * C, value: 0 }));
  const partials = (norm: number): View => rowsOf(grads.norms, norm, 1);
  const last = 2 * saved.layers.length;
  normBackward(r, grads.normed, saved.stream, weights.norm, saved.rstd, grads.stream, partials(last));
  for (let l = saved.layers.length - 1; l >= 0; l--) {
    const layer = saved.layers[l];
    const own = weights.layers[l];
    const down = dweights.layers[l];
    if (!layer || !own || !down) continue;
    // What the last block shares with the others is still its own.
    const gone = saved.keep === 'checkpoints' && l < saved.layers.length - 1;
    if (gone) recomputeBlock(r, own, layer, saved.branch, inputs);
    mlpBackward(r, grads.stream, own, down, layer, grads);
    normBackward(
      r,
      grads.normed,
      layer.middle,
      own.mlpNorm,
      layer.mlpRstd,
      grads.stream,
      partials(2 * l + 1),
    );
    attentionBackward(r, grads.stream, own, down, layer, grads, inputs);
    normBackward(
      r,
      grads.normed,
      layer.stream,
      own.attentionNorm,
      layer.attentionRstd,
      grads.stream,
      partials(2 * l),
    );
  }
  normWeightsBackward(r, grads, dweights);
  embeddingBackward(r, grads.stream, inputs.buckets, dweights.embed);
}
