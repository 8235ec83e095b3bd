import { addAttentionBackward, addAttentionForward } from '../../kernels/attention';
import { addRope, type Heads } from '../../kernels/rope';
import type { Tensor } from '../../gpu/arena';
import type { ActivationGradients, BatchInputs, LayerActivations } from '../activations';
import type { LayerParameters } from '../parameters';
import { linearBackward, linearForward } from './linear';
import type { Recorder } from './recorder';

/** out (N,C) = output · attend(RoPE(qkv · attentionIn)). `attend` records how `saved.qkv` becomes `saved.attended`. */
export function attentionForward(
  r: Recorder,
  weights: LayerParameters,
  saved: LayerActivations,
  positions: Tensor,
  table: Tensor,
  out: Tensor,
  attend: () => void,
): void {
  linearForward(r, weights.qkv, saved.attentionIn, saved.qkv);
  addRope(r.plan, { qkv: saved.qkv, positions, table }, headsOf(r), ({ N }) => N, 1);
  attend();
  linearForward(r, weights.output, saved.attended, out);
}

/** Causal attention within the sequences of a packed batch. */
export function packedAttention(r: Recorder, saved: LayerActivations, tiles: Tensor): void {
  const buffers = { qkv: saved.qkv, tiles, out: saved.attended, lse: saved.lse };
  addAttentionForward(r.plan, buffers, headsOf(r), (dims) => dims.tiles);
}

/** From dout (N,C) to the gradient of `attentionIn` (written to `grads.normed`) and of the weights (accumulated). */
export function attentionBackward(
  r: Recorder,
  dout: Tensor,
  weights: LayerParameters,
  dweights: LayerParameters,
  saved: LayerActivations,
  grads: ActivationGradients,
  inputs: BatchInputs,
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
    headsOf(r),
    (dims) => dims.tiles,
  );
  addRope(
    r.plan,
    { qkv: grads.qkv, positions: inputs.positions, table: inputs.rope },
    headsOf(r),
    ({ N }) => N,
    -1,
  );
  linearBackward(r, weights.qkv, dweights.qkv, saved.attentionIn, grads.qkv, grads.normed);
}

/** Head counts in the letters of docs/kernels.md. */
export function headsOf(r: Recorder): Heads {
  const { num_attention_heads: NH, num_key_value_heads: NKV, head_dim: HS } = r.config;
  return { NH, NKV, HS };
}
