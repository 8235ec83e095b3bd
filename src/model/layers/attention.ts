import { addAttentionBackward, addAttentionForward } from '../../kernels/attention';
import { addRope, type Heads } from '../../kernels/rope';
import type { Tensor, View } from '../../gpu/arena';
import type { ActivationGradients, BatchInputs, LayerActivations } from '../activations';
import type { ModelConfig } from '../config';
import type { LayerGradients, LayerParameters } from '../parameters';
import { linearBackward, linearForward } from './linear';
import type { LayerDims, Recorder } from './recorder';

/** out (N,C) = output · attend(qkv · attentionIn). `attend` records how `saved.qkv` becomes `saved.attended`. */
export function attentionForward<D extends LayerDims>(
  r: Recorder<D>,
  weights: LayerParameters,
  saved: LayerActivations,
  out: Tensor,
  attend: () => void,
): void {
  linearForward(r, weights.qkv, saved.attentionIn, saved.qkv);
  attend();
  linearForward(r, weights.output, saved.attended, out);
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
  tiles: View,
): void {
  const buffers = { qkv: saved.qkv, tiles, out: saved.attended, lse: saved.lse };
  addAttentionForward(r.plan, buffers, headsOf(r.config), (dims) => dims.tiles);
}

/** From dout (N,C) to the gradient of `attentionIn` (written to `dinp`) and of the weights (accumulated). */
export function attentionBackward(
  r: Recorder,
  dout: Tensor,
  weights: LayerParameters,
  dweights: LayerGradients,
  l: number,
  saved: LayerActivations,
  grads: ActivationGradients,
  inputs: BatchInputs,
  dinp: Tensor,
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
  );
  rotate(r, grads.qkv, l, inputs, -1);
  linearBackward(r, weights.qkv, dweights.qkv, saved.attentionIn, grads.qkv, dinp);
}

/** Head counts in the letters of docs/kernels.md. */
export function headsOf(config: ModelConfig): Heads {
  const { num_attention_heads: NH, num_key_value_heads: NKV, head_dim: HS } = config;
  return { NH, NKV, HS };
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
