import { swigluBackward, swigluForward, swigluLaunch } from '../../kernels/swiglu';
import type { Tensor } from '../../gpu/arena';
import type { ActivationGradients, LayerActivations } from '../activations';
import type { LayerParameters } from '../parameters';
import { linearBackward, linearForward } from './linear';
import type { Recorder } from './recorder';

/** out (N,C) = down · (silu(gate · inp) ∘ (up · inp)), Shazeer 2020 (arXiv:2002.05202). */
export function mlpForward(
  r: Recorder,
  weights: LayerParameters,
  saved: LayerActivations,
  out: Tensor,
): void {
  mlpActivate(r, weights, saved);
  linearForward(r, weights.down, saved.activated, out);
}

/** The part of `mlpForward` that its backward needs: `mlpIn` to `gateUp` and `activated`. */
export function mlpActivate(r: Recorder, weights: LayerParameters, saved: LayerActivations): void {
  const { intermediate_size: F } = r.config;
  linearForward(r, weights.gateUp, saved.mlpIn, saved.gateUp);
  const buffers = { gate_up: saved.gateUp, out: saved.activated };
  r.plan.add(swigluForward, buffers, ({ N }) => swigluLaunch({ N, F }));
}

/** From dout (N,C) to the gradient of `mlpIn` (written to `grads.normed`) and of the weights (accumulated). */
export function mlpBackward(
  r: Recorder,
  dout: Tensor,
  weights: LayerParameters,
  dweights: LayerParameters,
  saved: LayerActivations,
  grads: ActivationGradients,
): void {
  const { intermediate_size: F } = r.config;
  linearBackward(r, weights.down, dweights.down, saved.activated, dout, grads.activated);
  const buffers = { dout: grads.activated, gate_up: saved.gateUp, dgate_up: grads.gateUp };
  r.plan.add(swigluBackward, buffers, ({ N }) => swigluLaunch({ N, F }));
  linearBackward(r, weights.gateUp, dweights.gateUp, saved.mlpIn, grads.gateUp, grads.normed);
}
