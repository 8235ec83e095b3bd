type Numbers = ArrayLike<number>;

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** out = silu(gate) · up in f64. gate_up (N,2F) = [gate | up] → (N,F). */
export function swigluForwardReference(gateUp: Numbers, N: number, F: number): Float64Array {
  const out = new Float64Array(N * F);
  for (let n = 0; n < N; n++) {
    for (let f = 0; f < F; f++) {
      const gate = gateUp[n * 2 * F + f]!;
      const up = gateUp[n * 2 * F + F + f]!;
      out[n * F + f] = gate * sigmoid(gate) * up;
    }
  }
  return out;
}

/** Gradient of Σ dout·out with respect to gate_up: (N,2F). */
export function swigluBackwardReference(dout: Numbers, gateUp: Numbers, N: number, F: number): Float64Array {
  const dgateUp = new Float64Array(N * 2 * F);
  for (let n = 0; n < N; n++) {
    for (let f = 0; f < F; f++) {
      const gate = gateUp[n * 2 * F + f]!;
      const up = gateUp[n * 2 * F + F + f]!;
      const d = dout[n * F + f]!;
      const s = sigmoid(gate);
      dgateUp[n * 2 * F + f] = d * up * s * (1 + gate * (1 - s));
      dgateUp[n * 2 * F + F + f] = d * gate * s;
    }
  }
  return dgateUp;
}
