import backwardWgsl from '../../shaders/layernorm_backward.wgsl?raw';
import forwardWgsl from '../../shaders/layernorm_forward.wgsl?raw';
import residualForwardWgsl from '../../shaders/residual_layernorm_forward.wgsl?raw';
import { defineKernel } from '../gpu/kernel';

/*
 * Used as rmsnorm's kernels are: launches and constants are rmsnorm.ts's. A norm's weight and bias lie together, (2,C), and
 * so do their gradients: `rmsnormBackwardWeight` adds them up, over 2C columns.
 */

/** out = (inp − mean) · rstd · weight + bias (Ba, Kiros & Hinton 2016). Launch: `rmsnormForwardLaunch`. */
export const layernormForward = defineKernel({
  name: 'layernorm_forward',
  wgsl: forwardWgsl,
  buffers: { inp: 'read', weight: 'read', out: 'read_write', stats: 'read_write' },
  params: { N: 'u32', C: 'u32', eps: 'f32' },
});

/** sum = inp + branch, then its layer norm. Launch: `rmsnormForwardLaunch`. */
export const residualLayernormForward = defineKernel({
  name: 'residual_layernorm_forward',
  wgsl: residualForwardWgsl,
  buffers: {
    inp: 'read',
    branch: 'read',
    weight: 'read',
    sum: 'read_write',
    out: 'read_write',
    stats: 'read_write',
  },
  params: { N: 'u32', C: 'u32', eps: 'f32' },
});

/**
 * dinp += gradient; `inp` is what was normalised. partials (ceil(N/32),2,C): the gradients of weight and bias, 32 rows
 * each; `rmsnormPartialsShape(K, N, 2 * C)` of K norms. Launch: `rmsnormBackwardLaunch`.
 */
export const layernormBackward = defineKernel({
  name: 'layernorm_backward',
  wgsl: backwardWgsl,
  buffers: {
    dout: 'read',
    inp: 'read',
    weight: 'read',
    stats: 'read',
    dinp: 'read_write',
    partials: 'read_write',
  },
  params: { N: 'u32', C: 'u32' },
});
