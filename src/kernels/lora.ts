import backwardWgsl from '../../shaders/lora_expand_backward.wgsl?raw';
import forwardWgsl from '../../shaders/lora_expand.wgsl?raw';
import { defineKernel, grid1d } from '../gpu/kernel';
import type { Launch } from '../gpu/plan';

/** Where the B (rows,r) of one module lies in the (OUT,width) that products read. */
export interface LoraBlock {
  rows: number;
  r: number;
  width: number;
  /** First row and first column of the block. */
  row0: number;
  start: number;
  /** lora_alpha / r, or lora_alpha / √r (rsLoRA). */
  scale: number;
}

const params = { rows: 'u32', r: 'u32', width: 'u32', row0: 'u32', start: 'u32', scale: 'f32' } as const;

/** out (OUT,width): scale · inp in the module's block, zeros beside it. */
export const loraExpand = defineKernel({
  name: 'lora_expand',
  wgsl: forwardWgsl,
  buffers: { inp: 'read', out: 'read_write' },
  params,
});

/** dinp (rows,r) += gradient; the module's rows of dout become zero. */
export const loraExpandBackward = defineKernel({
  name: 'lora_expand_backward',
  wgsl: backwardWgsl,
  buffers: { dout: 'read_write', dinp: 'read_write' },
  params,
});

const WG = 256;

/** Of either direction. */
export function loraExpandLaunch(block: LoraBlock): Launch<keyof typeof params> {
  return { params: { ...block }, grid: grid1d(Math.ceil((block.rows * block.width) / WG)) };
}
