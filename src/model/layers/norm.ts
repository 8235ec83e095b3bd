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
import type { Tensor, View } from '../../gpu/arena';
import type { ActivationGradients } from '../activations';
import type { Parameters } from '../parameters';
import type { Recorder } from './recorder';

/** out (N,C) = RMSNorm(inp), keeping rstd (N). */
export function normForward(r: Recorder, inp: Tensor, weight: Tensor, out: Tensor, rstd: Tensor): void {
  const { hidden_size: C, rms_norm_eps: eps } = r.config;
  r.plan.add(
    rmsnormForward,
    { inp, weight, out, rstd },
    ({ N }) => rmsnormForwardLaunch({ N, C, eps }),
    rmsnormConstants(r.gpu),
  );
}

/** sum = inp + branch, the stream after a block; out = RMSNorm(sum). */
export function residualNormForward(
  r: Recorder,
  inp: Tensor,
  branch: Tensor,
  weight: Tensor,
  sum: Tensor,
  out: Tensor,
  rstd: Tensor,
): void {
  const { hidden_size: C, rms_norm_eps: eps } = r.config;
  r.plan.add(
    residualRmsnormForward,
    { inp, branch, weight, sum, out, rstd },
    ({ N }) => rmsnormForwardLaunch({ N, C, eps }),
    rmsnormConstants(r.gpu),
  );
}

/** dstream += the gradient through the norm of `inp`; its weight's is left in `partials` for `normWeightsBackward`. */
export function normBackward(
  r: Recorder,
  dout: Tensor,
  inp: Tensor,
  weight: Tensor,
  rstd: Tensor,
  dstream: Tensor,
  partials: View,
): void {
  const { hidden_size: C } = r.config;
  r.plan.add(
    rmsnormBackward,
    { dout, inp, weight, rstd, dinp: dstream, partials },
    ({ N }) => rmsnormBackwardLaunch({ N, C }),
    rmsnormBackwardConstants(r.gpu),
  );
}

/** The weights of all norms += what `normBackward` left for each. */
export function normWeightsBackward(r: Recorder, grads: ActivationGradients, dweights: Parameters): void {
  const { norms: partials, normsShape } = grads;
  r.plan.add(rmsnormBackwardWeight, { partials, dweight: dweights.norms }, ({ N }) =>
    rmsnormBackwardWeightLaunch(N, normsShape, dweights.normStride),
  );
}
