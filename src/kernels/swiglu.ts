import backwardWgsl from '../../shaders/swiglu_backward.wgsl?raw';
import forwardWgsl from '../../shaders/swiglu_forward.wgsl?raw';
import { defineKernel, grid1d } from '../gpu/kernel';
import type { Launch } from '../gpu/plan';

/** N rows, F columns of gate and as many of up (a multiple of 4). */
export interface SwigluDims {
  N: number;
  F: number;
}

/**
 * out (N,F) = silu(gate) · up of gate_up (N,2F) = [gate | up] (Shazeer 2020); `activationConstants` give the gate another
 * activation.
 */
export const swigluForward = defineKernel({
  name: 'swiglu_forward',
  wgsl: forwardWgsl,
  buffers: { gate_up: 'read', out: 'read_write' },
  params: { N: 'u32', F: 'u32' },
});

/** dgate_up (N,2F) = gradient, and dout (N,F) becomes what the forward gave; `activationConstants` as there. */
export const swigluBackward = defineKernel({
  name: 'swiglu_backward',
  wgsl: backwardWgsl,
  buffers: { dout: 'read_write', gate_up: 'read', dgate_up: 'read_write' },
  params: { N: 'u32', F: 'u32' },
});

const ELEMENTS_A_WORKGROUP = 64 * 4;

/** Launch of `swigluForward` and `swigluBackward`. */
export function swigluLaunch({ N, F }: SwigluDims): Launch<'N' | 'F'> {
  return { params: { N, F }, grid: grid1d(Math.ceil((N * F) / ELEMENTS_A_WORKGROUP)) };
}
