import type { Activation } from './activation';
import { curves } from './activation.reference';

type Numbers = ArrayLike<number>;

/** out = activation(gate) · up in f64. gate_up (N,2F) = [gate | up] → (N,F). */
export function swigluForwardReference(
  gateUp: Numbers,
  N: number,
  F: number,
  activation: Activation = 'silu',
): Float64Array {
  const { value } = curves[activation];
  const out = new Float64Array(N * F);
  for (let n = 0; n < N; n++) {
    for (let f = 0; f < F; f++) {
      const gate = gateUp[n * 2 * F + f]!;
      const up = gateUp[n * 2 * F + F + f]!;
      out[n * F + f] = value(gate) * up;
    }
  }
  return out;
}

/** Gradient of Σ dout·out with respect to gate_up: (N,2F). */
export function swigluBackwardReference(
  dout: Numbers,
  gateUp: Numbers,
  N: number,
  F: number,
  activation: Activation = 'silu',
): Float64Array {
  const { value, slope } = curves[activation];
  const dgateUp = new Float64Array(N * 2 * F);
  for (let n = 0; n < N; n++) {
    for (let f = 0; f < F; f++) {
      const gate = gateUp[n * 2 * F + f]!;
      const up = gateUp[n * 2 * F + F + f]!;
      const d = dout[n * F + f]!;
      dgateUp[n * 2 * F + f] = d * up * slope(gate);
      dgateUp[n * 2 * F + F + f] = d * value(gate);
    }
  }
  return dgateUp;
}
