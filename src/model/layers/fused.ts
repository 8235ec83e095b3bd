import { rmsnormConstants, rmsnormForward, rmsnormForwardLaunch } from '../../kernels/rmsnorm';
import type { Tensor } from '../../gpu/arena';
import { linearFused, type Linear, type LinearExtras } from './linear';
import { normForward, type Norm, type PostNorm } from './norm';
import type { LayerDims, Recorder } from './recorder';

/** What a norm of its own dispatch writes. */
interface NormRoom {
  normed: Tensor;
  stats: Tensor;
}

/** out = norm(stream) Wᵀ …: an RMSNorm joins the product, a LayerNorm goes before it. */
export function normedLinear<D extends LayerDims>(
  r: Recorder<D>,
  norm: Norm,
  linear: Linear,
  stream: Tensor,
  out: Tensor,
  { normed, stats }: NormRoom,
  extras: LinearExtras = {},
): void {
  const { kind, eps, offset } = r.config.norm;
  if (kind === 'rmsnorm') {
    linearFused(r, linear, stream, out, { ...extras, norm: { weight: norm.weight, eps, offset } });
    return;
  }
  normForward(r, stream, norm, normed, stats);
  linearFused(r, linear, normed, out, extras);
}

/**
 * A block's half joins the stream: `to` = `from` + x Wᵀ, because no matmul writes what it adds; or, where a norm comes
 * between, `from` += norm(x Wᵀ). Returns which of the two is the stream now.
 */
export function joinStream<D extends LayerDims>(
  r: Recorder<D>,
  linear: Linear,
  x: Tensor,
  { norm, inp: branch, stats }: PostNorm,
  from: Tensor,
  to: Tensor,
): Tensor {
  if (!norm || !branch || !stats) {
    linearFused(r, linear, x, to, { residual: from });
    return to;
  }
  linearFused(r, linear, x, branch, {});
  addRmsnorm(r, branch, norm, from, stats);
  return from;
}

/** sum (N,C) += norm(inp), RMSNorm alone: no model norms behind its blocks otherwise. */
function addRmsnorm<D extends LayerDims>(
  r: Recorder<D>,
  inp: Tensor,
  { weight }: Norm,
  sum: Tensor,
  rstd: Tensor,
): void {
  const { norm, hidden_size: C } = r.config;
  if (norm.kind !== 'rmsnorm') throw new Error(`a ${norm.kind} behind a block has no kernel that adds`);
  const launch = ({ N }: D) => rmsnormForwardLaunch({ N, C, ...norm });
  const constants = { ...rmsnormConstants(r.gpu), ADD: 1 };
  r.plan.add(rmsnormForward, { inp, weight, out: sum, rstd }, launch, constants);
}
