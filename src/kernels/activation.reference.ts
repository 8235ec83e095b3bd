import type { Activation } from './activation';

/** An activation and its derivative, in f64. */
interface Curve {
  value: (x: number) => number;
  slope: (x: number) => number;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

const FAR = 5;

/**
 * The standard normal distribution function to f64 rounding: by its series φ(x) Σ x^(2k+1)/(1·3·5…(2k+1)), and far from 0 by
 * the continued fraction of its tail (Abramowitz & Stegun 26.2.11 and 26.2.14).
 */
function normal(x: number): number {
  const z = Math.abs(x);
  if (z > FAR) {
    let fraction = z;
    for (let k = 60; k > 0; k--) fraction = z + k / fraction;
    const tail = density(z) / fraction;
    return x < 0 ? tail : 1 - tail;
  }
  let sum = 0;
  for (let k = 0, term = x; k < 120; k++, term *= (x * x) / (2 * k + 1)) sum += term;
  return 0.5 + density(x) * sum;
}

const tanhArgument = (x: number): number => Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);

/** By name, as in transformers: silu, gelu (erf), gelu_tanh (gelu_new, gelu_pytorch_tanh) and relu. */
export const curves: Readonly<Record<Activation, Curve>> = {
  silu: {
    value: (x) => x * sigmoid(x),
    slope: (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))),
  },
  gelu: {
    value: (x) => x * normal(x),
    slope: (x) => normal(x) + x * density(x),
  },
  gelu_tanh: {
    value: (x) => 0.5 * x * (1 + Math.tanh(tanhArgument(x))),
    slope: (x) => {
      const t = Math.tanh(tanhArgument(x));
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
    },
  },
  relu: { value: (x) => Math.max(x, 0), slope: (x) => (x > 0 ? 1 : 0) },
};

/** out = activation(inp), element by element. */
export const activationForwardReference = (inp: ArrayLike<number>, activation: Activation): Float64Array =>
  Float64Array.from(inp, curves[activation].value);

/** Gradient of Σ dout·out with respect to inp. */
export const activationBackwardReference = (
  dout: ArrayLike<number>,
  inp: ArrayLike<number>,
  activation: Activation,
): Float64Array => Float64Array.from(inp, (x, i) => dout[i]! * curves[activation].slope(x));
