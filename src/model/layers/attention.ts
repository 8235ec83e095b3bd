import { addAttentionBackward, addAttentionForward } from '../../kernels/attention';
import { addMatmul } from '../../kernels/matmul';
import { addRope, type Heads } from '../../kernels/rope';
import type { Tensor } from '../../gpu/arena';
import type { ActivationGradients, BatchInputs, LayerActivations } from '../activations';
import { qkvWidth } from '../config';
import type { LayerParameters } from '../parameters';
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
  const { hidden_size: C } = r.config;
  const QKV = qkvWidth(r.config);
  const width = r.config.num_attention_heads * r.config.head_dim;
  addMatmul(r.plan, r.gpu, 'nt', { a: saved.attentionIn, b: weights.qkv, out: saved.qkv }, ({ N }) => ({
    M: N,
    N: QKV,
    K: C,
  }));
  addRope(r.plan, { qkv: saved.qkv, positions, table }, headsOf(r), ({ N }) => N, 1);
  attend();
  addMatmul(r.plan, r.gpu, 'nt', { a: saved.attended, b: weights.output, out }, ({ N }) => ({
    M: N,
    N: C,
    K: width,
  }));
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
  const { hidden_size: C } = r.config;
  const QKV = qkvWidth(r.config);
  const width = r.config.num_attention_heads * r.config.head_dim;
  addMatmul(
    r.plan,
    r.gpu,
    'tn',
    { a: dout, b: saved.attended, out: dweights.output },
    ({ N }) => ({
      M: C,
      N: width,
      K: N,
      accumulate: true,
    }),
    { partials: r.partials },
  );
  addMatmul(
    r.plan,
    r.gpu,
    'nn',
    { a: dout, b: weights.output, out: grads.attended },
    ({ N }) => ({
      M: N,
      N: width,
      K: C,
    }),
    { partials: r.partials },
  );
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
  addMatmul(
    r.plan,
    r.gpu,
    'tn',
    { a: grads.qkv, b: saved.attentionIn, out: dweights.qkv },
    ({ N }) => ({
      M: QKV,
      N: C,
      K: N,
      accumulate: true,
    }),
    { partials: r.partials },
  );
  addMatmul(
    r.plan,
    r.gpu,
    'nn',
    { a: grads.qkv, b: weights.qkv, out: grads.normed },
    ({ N }) => ({
      M: N,
      N: C,
      K: QKV,
    }),
    { partials: r.partials },
  );
}

/** Head counts in the letters of docs/kernels.md. */
export function headsOf(r: Recorder): Heads {
  const { num_attention_heads: NH, num_key_value_heads: NKV, head_dim: HS } = r.config;
  return { NH, NKV, HS };
}
