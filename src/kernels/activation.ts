import backwardWgsl from '../../shaders/activation_backward.wgsl?raw';
import forwardWgsl from '../../shaders/activation_forward.wgsl?raw';
import { defineKernel, grid1d } from '../gpu/kernel';
import type { Launch } from '../gpu/plan';

/** Activations of an MLP, in the order of the kernels' ACTIVATION constant. */
export const ACTIVATIONS = ['silu', 'gelu', 'gelu_tanh', 'relu'] as const;
export type Activation = (typeof ACTIVATIONS)[number];

/** out (count) = activation(inp); gelu by erf, within 1e-6 (Hendrycks & Gimpel 2016). */
export const activationForward = defineKernel({
  name: 'activation_forward',
  wgsl: forwardWgsl,
  buffers: { inp: 'read', out: 'read_write' },
  params: { count: 'u32' },
});

/** dinp (count) = gradient, and dout (count) becomes what the forward gave; `inp` is what it read. */
export const activationBackward = defineKernel({
  name: 'activation_backward',
  wgsl: backwardWgsl,
  buffers: { dout: 'read_write', inp: 'read', dinp: 'read_write' },
  params: { count: 'u32' },
});

const ELEMENTS_A_WORKGROUP = 64 * 4;

/** `ACTIVATION` and `fn share` of `activationForward`, for kernels that are written around a product. */
export const activationWgsl = forwardWgsl.slice(
  forwardWgsl.indexOf('override ACTIVATION'),
  forwardWgsl.indexOf('@compute'),
);

/** Override constants of the kernels here, in swiglu.ts, and of products that end in an activation. */
export const activationConstants = (activation: Activation): { ACTIVATION: number } => ({
  ACTIVATION: ACTIVATIONS.indexOf(activation),
});

/** Launch of `activationForward` and `activationBackward`; count is a multiple of 4. */
export function activationLaunch({ count }: { count: number }): Launch<'count'> {
  return { params: { count }, grid: grid1d(Math.ceil(count / ELEMENTS_A_WORKGROUP)) };
}
