import {
  residualRmsnormForward,
  rmsnormBackward,
  rmsnormBackwardLaunch,
  rmsnormBackwardWeight,
  rmsnormBackwardWeightLaunch,
  rmsnormConstants,
  rmsnormForward,
  rmsnormForwardLaunch,
} from '../../kernels/rmsnorm';
import type { Tensor } from '../../gpu/arena';
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

/** dstream += the gradient through the norm of `inp`; dweight += its own. */
export function normBackward(
  r: Recorder,
  dout: Tensor,
  inp: Tensor,
  weight: Tensor,
  rstd: Tensor,
  dstream: Tensor,
  dweight: Tensor,
): void {
  const { hidden_size: C } = r.config;
  r.plan.add(
    rmsnormBackward,
    { dout, inp, weight, rstd, dinp: dstream },
    ({ N }) => rmsnormBackwardLaunch({ N, C }),
    rmsnormConstants(r.gpu),
  );
  r.plan.add(rmsnormBackwardWeight, { dout, inp, rstd, dweight }, ({ N }) =>
    rmsnormBackwardWeightLaunch({ N, C }),
  );
}
