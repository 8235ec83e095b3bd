import { addAttentionBackward, addAttentionForward, type AttentionScores } from '../../kernels/attention';
import {
  qkNormBackward as qkNormBackwardKernel,
  qkNormBackwardLaunch,
  qkNormConstants,
  qkNormForward,
  qkNormForwardLaunch,
} from '../../kernels/qk_norm';
import { addRope } from '../../kernels/rope';
import { rowsOf, type Tensor, type View } from '../../gpu/arena';
import type { ActivationGradients, BatchInputs, LayerActivations } from '../activations';
import { headsOf, type ModelConfig } from '../config';
import type { LayerGradients, LayerParameters } from '../parameters';
import { linearBackward, linearForward } from './linear';
import type { BatchDims, LayerDims, Recorder } from './recorder';

/** out (N,C) = output · attend(qkv · attentionIn). `attend` records how `saved.qkv` becomes `saved.attended`. */
export function attentionForward<D extends LayerDims>(
  r: Recorder<D>,
  weights: LayerParameters,
  saved: LayerActivations,
  out: Tensor,
  attend: () => void,
): void {
  attentionProject(r, weights, saved);
  attend();
  linearForward(r, weights.output, saved.attended, out);
}

/** `attentionIn` to `qkv` (N,QKV), positions not yet applied. */
export function attentionProject<D extends LayerDims>(
  r: Recorder<D>,
  weights: LayerParameters,
  saved: LayerActivations,
): void {
  linearForward(r, weights.qkv, saved.attentionIn, saved.projected ?? saved.qkv);
  qkNorm(r, weights, saved);
}

/** qkv (N,QKV) = `projected` with query and key heads normed, in models that do. */
export function qkNorm<D extends LayerDims>(
  r: Recorder<D>,
  { qkNorm: weight }: LayerParameters,
  { projected: inp, headStats: rstd, qkv: out }: LayerActivations,
): void {
  if (!weight || !inp || !rstd) return;
  const { norm } = r.config;
  const launch = ({ N }: D) => qkNormForwardLaunch(N, headsOf(r.config), norm);
  r.plan.add(qkNormForward, { inp, weight, out, rstd }, launch, qkNormConstants(r.gpu));
}

/** From the gradient of `qkv`, in `grads.qkv`, to that of `projected`; the weights' is left in `grads.headNorms`. */
function qkNormBackward(
  r: Recorder,
  { qkNorm: weight }: LayerParameters,
  l: number,
  { projected: inp, headStats: rstd }: LayerActivations,
  { qkv: dqkv, headNorms }: ActivationGradients,
): void {
  if (!weight || !inp || !rstd || !headNorms) return;
  const buffers = { inp, weight, rstd, dqkv, partials: rowsOf(headNorms, l, 1) };
  const launch = ({ N }: BatchDims) => qkNormBackwardLaunch(N, headsOf(r.config), r.config.norm.offset);
  r.plan.add(qkNormBackwardKernel, buffers, launch, qkNormConstants(r.gpu));
}

/** Queries and keys of layer l take their positions, in place. */
export function rotate(r: Recorder, qkv: Tensor, l: number, inputs: BatchInputs, direction: 1 | -1): void {
  const { table, rotary } = ropeOf(r.config, l, inputs);
  if (!table) return;
  const buffers = { qkv, positions: inputs.positions, table };
  addRope(r.plan, buffers, headsOf(r.config), ({ N }) => N, direction, rotary);
}

/** Causal attention within the sequences of a packed batch. */
export function packedAttention<D extends LayerDims>(
  r: Recorder<D>,
  saved: LayerActivations,
  l: number,
  tiles: View,
): void {
  const buffers = { qkv: saved.qkv, tiles, out: saved.attended, lse: saved.lse };
  addAttentionForward(r.plan, buffers, headsOf(r.config), (dims) => dims.tiles, scoresOf(r.config, l));
}

/** From dout (N,C) to the gradient of `attentionIn` (written to `dinp`, where it is wanted) and of the weights (accumulated). */
export function attentionBackward(
  r: Recorder,
  dout: Tensor,
  weights: LayerParameters,
  dweights: LayerGradients,
  l: number,
  saved: LayerActivations,
  grads: ActivationGradients,
  inputs: BatchInputs,
  dinp: Tensor | undefined,
): void {
  linearBackward(r, weights.output, dweights.output, saved.attended, dout, grads.attended);
  addAttentionBackward(
    r.plan,
    {
      dout: grads.attended,
      qkv: saved.qkv,
      out: saved.attended,
      lse: saved.lse,
      delta: grads.delta,
      tiles: inputs.tiles,
      dqkv: grads.qkv,
    },
    headsOf(r.config),
    (dims) => dims.tiles,
    scoresOf(r.config, l),
  );
  rotate(r, grads.qkv, l, inputs, -1);
  qkNormBackward(r, weights, l, saved, grads);
  linearBackward(r, weights.qkv, dweights.qkv, saved.attentionIn, grads.qkv, dinp);
}

/** How layer l makes scores of its queries and keys. */
export function scoresOf(config: ModelConfig, l: number): AttentionScores {
  const { attention_scale: scale, attention_softcap: softcap, layers } = config;
  return { scale, softcap, window: layers[l]?.window ?? 0 };
}

/** The rotations of layer l, and how many floats of a head they turn; none where positions are learned. */
export function ropeOf(
  { layers, ropes }: ModelConfig,
  l: number,
  inputs: BatchInputs,
): { table: Tensor | undefined; rotary: number } {
  const index = layers[l]?.rope ?? 0;
  return { table: inputs.ropes[index], rotary: ropes[index]?.rotary_dim ?? 0 };
}
