import wgsl from '../../shaders/fill.wgsl?raw';
import { defineKernel, grid1d } from '../gpu/kernel';
import type { Launch } from '../gpu/plan';

/** out = value. */
export const fill = defineKernel({
  name: 'fill',
  wgsl,
  buffers: { out: 'read_write' },
  params: { count: 'u32', value: 'f32' },
});

export function fillLaunch({ count, value }: { count: number; value: number }): Launch<'count' | 'value'> {
  return { params: { count, value }, grid: grid1d(Math.ceil(count / 256)) };
}
