import { layernormBackward, layernormForward, residualLayernormForward } from '../../kernels/layernorm';
import { fill, fillLaunch } from '../../kernels/fill';
import { qkNormBackwardWeightLaunch } from '../../kernels/qk_norm';
import {
  residualRmsnormForward,
  rmsnormBackward,
  rmsnormBackwardConstants,
  rmsnormBackwardLaunch,
  rmsnormBackwardWeight,
  rmsnormBackwardWeightLaunch,
  rmsnormConstants,
  rmsnormForward,
  rmsnormForwardLaunch,
} from '../../kernels/rmsnorm';
import { rowsOf, type Tensor } from '../../gpu/arena';
import type { ActivationGradients } from '../activations';
import { headsOf } from '../config';
import type { Gradients } from '../parameters';
import type { LayerDims, Recorder } from './recorder';

/** A norm over C: RMSNorm or LayerNorm, as the model's config has it. */
export interface Norm {
  /** (C); of LayerNorm (2,C): weight, bias. */
  readonly weight: Tensor;
  /** Its place among the model's norms. */
  readonly index: number;
}

/** out (N,C) = norm(inp), keeping its statistics: rstd (N), of LayerNorm mean and rstd (N,2). */
export function normForward<D extends LayerDims>(
  r: Recorder<D>,
  inp: Tensor,
  { weight }: Norm,
  out: Tensor,
  stats: Tensor,
): void {
  const { norm, hidden_size: C } = r.config;
  const launch = ({ N }: D) => rmsnormForwardLaunch({ N, C, ...norm });
  const constants = rmsnormConstants(r.gpu);
  if (norm.kind === 'layernorm') r.plan.add(layernormForward, { inp, weight, out, stats }, launch, constants);
  else r.plan.add(rmsnormForward, { inp, weight, out, rstd: stats }, launch, constants);
}

/** sum = inp + branch, the stream after a block; out = norm(sum). */
export function residualNormForward<D extends LayerDims>(
  r: Recorder<D>,
  inp: Tensor,
  branch: Tensor,
  { weight }: Norm,
  sum: Tensor,
  out: Tensor,
  stats: Tensor,
): void {
  const { norm, hidden_size: C } = r.config;
  const launch = ({ N }: D) => rmsnormForwardLaunch({ N, C, ...norm });
  const constants = rmsnormConstants(r.gpu);
  const buffers = { inp, branch, weight, sum, out };
  if (norm.kind === 'layernorm') {
    r.plan.add(residualLayernormForward, { ...buffers, stats }, launch, constants);
  } else r.plan.add(residualRmsnormForward, { ...buffers, rstd: stats }, launch, constants);
}

/** dinp += the gradient through the norm of `inp`; its weight's is left in `grads.norms` for `normWeightsBackward`. */
export function normBackward(
  r: Recorder,
  dout: Tensor,
  inp: Tensor,
  { weight, index }: Norm,
  stats: Tensor,
  dinp: Tensor,
  grads: ActivationGradients,
): void {
  const { norm, hidden_size: C } = r.config;
  const launch = ({ N }: { N: number }) => rmsnormBackwardLaunch({ N, C, ...norm });
  const constants = rmsnormBackwardConstants(r.gpu);
  const buffers = { dout, inp, weight, dinp, partials: rowsOf(grads.norms, index, 1) };
  if (norm.kind === 'layernorm') r.plan.add(layernormBackward, { ...buffers, stats }, launch, constants);
  else r.plan.add(rmsnormBackward, { ...buffers, rstd: stats }, launch, constants);
}

/** A norm between a block's half and the stream: what it reads and keeps. Models without have none of it. */
export interface PostNorm {
  norm: Norm | undefined;
  inp: Tensor | undefined;
  stats: Tensor | undefined;
}

/** out (N,C) = norm(inp), where there is one. */
export function postNormForward<D extends LayerDims>(
  r: Recorder<D>,
  { norm, inp, stats }: PostNorm,
  out: Tensor,
): void {
  if (norm && inp && stats) normForward(r, inp, norm, out, stats);
}

/** The gradient of `inp`: in `grads.branch`, or, without a norm, dout itself. */
export function postNormBackward(
  r: Recorder,
  dout: Tensor,
  { norm, inp, stats }: PostNorm,
  grads: ActivationGradients,
): Tensor {
  if (!norm || !inp || !stats || !grads.branch) return dout;
  const { hidden_size: C } = r.config;
  r.plan.add(fill, { out: grads.branch }, ({ N }) => fillLaunch({ count: N * C, value: 0 }));
  normBackward(r, dout, inp, norm, stats, grads.branch, grads);
  return grads.branch;
}

/** The weights of all norms += what the backward of each left for it, unless they are frozen. */
export function normWeightsBackward(r: Recorder, grads: ActivationGradients, dweights: Gradients): void {
  const { norms, normsShape, headNorms, headNormsShape } = grads;
  const { norms: dnorms, normStride = 0, headNorms: dheadNorms, headNormStride = 0 } = dweights;
  if (!dnorms) return;
  r.plan.add(rmsnormBackwardWeight, { partials: norms, dweight: dnorms }, ({ N }) =>
    rmsnormBackwardWeightLaunch(N, normsShape, normStride),
  );
  if (!headNorms || !dheadNorms) return;
  const buffers = { partials: headNorms, dweight: dheadNorms };
  r.plan.add(rmsnormBackwardWeight, buffers, ({ N }) =>
    qkNormBackwardWeightLaunch(N, headsOf(r.config), headNormsShape, headNormStride),
  );
}
