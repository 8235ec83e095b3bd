import {
  activationBackward,
  activationConstants,
  activationForward,
  activationLaunch,
} from '../../kernels/activation';
import { swigluBackward, swigluForward, swigluLaunch } from '../../kernels/swiglu';
import type { Tensor } from '../../gpu/arena';
import type { ActivationGradients, LayerActivations } from '../activations';
import type { LayerGradients, LayerParameters } from '../parameters';
import { linearBackward, linearForward } from './linear';
import type { LayerDims, Recorder } from './recorder';

/**
 * out (N,C) = down · (act(gate · inp) ∘ (up · inp)), Shazeer 2020 (arXiv:2002.05202); of a plain MLP down · act(up · inp).
 * `accumulate`: += .
 */
export function mlpForward<D extends LayerDims>(
  r: Recorder<D>,
  weights: LayerParameters,
  saved: LayerActivations,
  out: Tensor,
  options: { accumulate?: boolean } = {},
): void {
  mlpActivate(r, weights, saved);
  linearForward(r, weights.down, saved.activated, out, options);
}

/** The part of `mlpForward` that its backward needs: `mlpIn` to `gateUp` and `activated`. */
export function mlpActivate<D extends LayerDims>(
  r: Recorder<D>,
  weights: LayerParameters,
  saved: LayerActivations,
): void {
  const { intermediate_size: F, mlp, activation } = r.config;
  const { gateUp, activated: out } = saved;
  const constants = activationConstants(activation);
  linearForward(r, weights.gateUp, saved.mlpIn, gateUp);
  if (mlp === 'gated') {
    r.plan.add(swigluForward, { gate_up: gateUp, out }, ({ N }) => swigluLaunch({ N, F }), constants);
  } else {
    const launch = ({ N }: D) => activationLaunch({ count: N * F });
    r.plan.add(activationForward, { inp: gateUp, out }, launch, constants);
  }
}

/** From dout (N,C) to the gradient of `mlpIn` (written to `dinp`) and of the weights (accumulated). */
export function mlpBackward(
  r: Recorder,
  dout: Tensor,
  weights: LayerParameters,
  dweights: LayerGradients,
  saved: LayerActivations,
  grads: ActivationGradients,
  dinp: Tensor,
): void {
  const { intermediate_size: F, mlp, activation } = r.config;
  const { activated: dactivated, gateUp: dgateUp } = grads;
  const constants = activationConstants(activation);
  linearBackward(r, weights.down, dweights.down, saved.activated, dout, dactivated);
  if (mlp === 'gated') {
    const buffers = { dout: dactivated, gate_up: saved.gateUp, dgate_up: dgateUp };
    r.plan.add(swigluBackward, buffers, ({ N }) => swigluLaunch({ N, F }), constants);
  } else {
    const buffers = { dout: dactivated, inp: saved.gateUp, dinp: dgateUp };
    r.plan.add(activationBackward, buffers, ({ N }) => activationLaunch({ count: N * F }), constants);
  }
  linearBackward(r, weights.gateUp, dweights.gateUp, saved.mlpIn, dgateUp, dinp);
}
