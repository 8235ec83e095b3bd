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
import { linearBackward, linearForward, linearInputBackward, linearWeightsBackward } from './linear';
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
  const { intermediate_size: F, mlp, activation } = r.config;
  const { gateUp, activated } = saved;
  const constants = activationConstants(activation);
  mlpUp(r, weights, saved);
  if (mlp === 'gated') {
    const launch = ({ N }: D) => swigluLaunch({ N, F });
    r.plan.add(swigluForward, { gate_up: gateUp, out: activated }, launch, constants);
  } else {
    const launch = ({ N }: D) => activationLaunch({ count: N * F });
    r.plan.add(activationForward, { inp: gateUp, out: activated }, launch, constants);
  }
  linearForward(r, weights.down, activated, out, options);
}

/** The part of `mlpForward` that its backward needs: `mlpIn` to `gateUp`. */
export function mlpUp<D extends LayerDims>(
  r: Recorder<D>,
  weights: LayerParameters,
  saved: LayerActivations,
): void {
  linearForward(r, weights.gateUp, saved.mlpIn, saved.gateUp);
}

/**
 * From dout (N,C) to the gradient of `mlpIn` (written to `dinp`) and of the weights (accumulated). What the activation gave
 * is made again on the way, in its gradient's place.
 */
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
  const { activated, gateUp: dgateUp } = grads;
  const constants = activationConstants(activation);
  linearInputBackward(r, weights.down, dout, activated);
  if (mlp === 'gated') {
    const buffers = { dout: activated, gate_up: saved.gateUp, dgate_up: dgateUp };
    r.plan.add(swigluBackward, buffers, ({ N }) => swigluLaunch({ N, F }), constants);
  } else {
    const buffers = { dout: activated, inp: saved.gateUp, dinp: dgateUp };
    r.plan.add(activationBackward, buffers, ({ N }) => activationLaunch({ count: N * F }), constants);
  }
  linearWeightsBackward(r, weights.down, dweights.down, activated, dout);
  linearBackward(r, weights.gateUp, dweights.gateUp, saved.mlpIn, dgateUp, dinp);
}
