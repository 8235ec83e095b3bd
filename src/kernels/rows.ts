import gatherWgsl from '../../shaders/gather_rows.wgsl?raw';
import scatterWgsl from '../../shaders/scatter_rows.wgsl?raw';
import { defineKernel, grid1d } from '../gpu/kernel';
import type { Launch } from '../gpu/plan';

/** out (M,C) = rows of inp (N,C). */
export const gatherRows = defineKernel({
  name: 'gather_rows',
  wgsl: gatherWgsl,
  buffers: { inp: 'read', rows: 'read', out: 'read_write' },
  params: { M: 'u32', C: 'u32' },
});

/** dinp (N,C) = dout (M,C) put back where it came from, 0 elsewhere: the backward of `gatherRows`. */
export const scatterRows = defineKernel({
  name: 'scatter_rows',
  wgsl: scatterWgsl,
  buffers: { dout: 'read', inverse: 'read', dinp: 'read_write' },
  params: { N: 'u32', C: 'u32' },
});

const ELEMENTS_A_WORKGROUP = 64 * 4;

export function gatherRowsLaunch({ M, C }: { M: number; C: number }): Launch<'M' | 'C'> {
  return { params: { M, C }, grid: grid1d(Math.ceil((M * C) / ELEMENTS_A_WORKGROUP)) };
}

export function scatterRowsLaunch({ N, C }: { N: number; C: number }): Launch<'N' | 'C'> {
  return { params: { N, C }, grid: grid1d(Math.ceil((N * C) / ELEMENTS_A_WORKGROUP)) };
}
