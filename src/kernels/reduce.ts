import normFinishWgsl from '../../shaders/norm_finish.wgsl?raw';
import reduceColumnsWgsl from '../../shaders/reduce_columns.wgsl?raw';
import sumSquaresWgsl from '../../shaders/sum_squares.wgsl?raw';
import type { Gpu } from '../gpu/device';
import { defineKernel } from '../gpu/kernel';
import type { Launch } from '../gpu/plan';

/** out (16) += column sums of inp (M,16), and in the last column of flags (M). */
export const reduceColumns = defineKernel({
  name: 'reduce_columns',
  wgsl: reduceColumnsWgsl,
  buffers: { inp: 'read', flags: 'read', out: 'read_write' },
  params: { M: 'u32' },
});

/** partials (256) of the sum of squares of x (count). */
export const sumSquares = defineKernel({
  name: 'sum_squares',
  wgsl: sumSquaresWgsl,
  buffers: { x: 'read', partials: 'read_write' },
  params: { count: 'u32' },
});

/** norm (4) = [global norm, clip factor, this update counts, one has diverged] from the partials of one or more arenas. */
export const normFinish = defineKernel({
  name: 'norm_finish',
  wgsl: normFinishWgsl,
  buffers: { partials: 'read', norm: 'read_write' },
  params: { P: 'u32', max_grad_norm: 'f32' },
});

/** Threads a workgroup of `sumSquares`: few on a CPU adapter, where barriers are dear. */
export const sumSquaresConstants = (gpu: Gpu): { WG: number } => ({ WG: gpu.facts.isSoftware ? 16 : 256 });

/** Columns of what `reduceColumns` sums. */
export const REDUCED_COLUMNS = 16;
/** Elements of what `sumSquares` writes: also its number of workgroups. */
export const SUM_SQUARES_PARTIALS = 256;

export function reduceColumnsLaunch({ M }: { M: number }): Launch<'M'> {
  return { params: { M }, grid: [M === 0 ? 0 : 1] };
}

/** Errors: throws when count is no multiple of 4 (flat arenas always are one). */
export function sumSquaresLaunch({ count }: { count: number }): Launch<'count'> {
  if (count % 4) throw new Error(`sum_squares takes a multiple of 4 elements, not ${count}`);
  return { params: { count }, grid: [SUM_SQUARES_PARTIALS] };
}

/** `arenas`: how many times 256 partials lie end to end. `max_grad_norm` ≤ 0: no clipping. */
export function normFinishLaunch({
  max_grad_norm,
  arenas = 1,
}: {
  max_grad_norm: number;
  arenas?: number;
}): Launch<'P' | 'max_grad_norm'> {
  return { params: { P: arenas * SUM_SQUARES_PARTIALS, max_grad_norm }, grid: [1] };
}
