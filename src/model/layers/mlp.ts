import { addMatmul } from '../../kernels/matmul';
import { swigluBackward, swigluForward, swigluLaunch } from '../../kernels/swiglu';
import type { Tensor } from '../../gpu/arena';
import type { ActivationGradients, LayerActivations } from '../activations';
import type { LayerParameters } from '../parameters';
import type { Recorder } from './recorder';

/** out (N,C) = down · (silu(gate · inp) ∘ (up · inp)), Shazeer 2020 (arXiv:2002.05202). */
export function mlpForward(
  r: Recorder,
  weights: LayerParameters,
  saved: LayerActivations,
  out: Tensor,
): void {
  const { hidden_size: C, intermediate_size: F } = r.config;
  mlpActivate(r, weights, saved);
  const buffers = { a: saved.activated, b: weights.down, out };
  addMatmul(r.plan, r.gpu, 'nt', buffers, ({ N }) => ({ M: N, N: C, K: F }));
}

/** The part of `mlpForward` that its backward needs: `mlpIn` to `gateUp` and `activated`. */
export function mlpActivate(r: Recorder, weights: LayerParameters, saved: LayerActivations): void {
  const { plan, gpu } = r;
  const { hidden_size: C, intermediate_size: F } = r.config;
  addMatmul(plan, gpu, 'nt', { a: saved.mlpIn, b: weights.gateUp, out: saved.gateUp }, ({ N }) => ({
    M: N,
    N: 2 * F,
    K: C,
  }));
  plan.add(swigluForward, { gate_up: saved.gateUp, out: saved.activated }, ({ N }) => swigluLaunch({ N, F }));
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
  const { plan, gpu } = r;
  const { hidden_size: C, intermediate_size: F } = r.config;
  addMatmul(
    plan,
    gpu,
    'tn',
    { a: dout, b: saved.activated, out: dweights.down },
    ({ N }) => ({
      M: C,
      N: F,
      K: N,
      accumulate: true,
    }),
    { partials: r.partials },
  );
  addMatmul(
    plan,
    gpu,
    'nn',
    { a: dout, b: weights.down, out: grads.activated },
    ({ N }) => ({
      M: N,
      N: F,
      K: C,
    }),
    { partials: r.partials },
  );
  plan.add(
    swigluBackward,
    { dout: grads.activated, gate_up: saved.gateUp, dgate_up: grads.gateUp },
    ({ N }) => swigluLaunch({ N, F }),
  );
  addMatmul(
    plan,
    gpu,
    'tn',
    { a: grads.gateUp, b: saved.mlpIn, out: dweights.gateUp },
    ({ N }) => ({
      M: 2 * F,
      N: C,
      K: N,
      accumulate: true,
    }),
    { partials: r.partials },
  );
  addMatmul(
    plan,
    gpu,
    'nn',
    { a: grads.gateUp, b: weights.gateUp, out: grads.normed },
    ({ N }) => ({
      M: N,
      N: C,
      K: 2 * F,
    }),
    { partials: r.partials },
  );
}
