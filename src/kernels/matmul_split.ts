import matmulMergeWgsl from '../../shaders/matmul_merge.wgsl?raw';
import type { Gpu } from '../gpu/device';
import { defineKernel, grid1d } from '../gpu/kernel';
import type { Launch } from '../gpu/plan';
import type { MatmulDims, MatmulLayout } from './matmul';

type Dims = Pick<MatmulDims, 'M' | 'N' | 'K'>;

/**
 * When a product of few tiles is split over k, so that more workgroups work on it. Of dims alone: neither what the tuner
 * chose nor any time decides, so the bits of a product stay those of the adapter.
 */
export interface SplitRule {
  /** Rows and columns of the tiles that are counted, whatever tiles the product is made in. */
  tile: number;
  /** Workgroups that keep the adapter busy: products of fewer tiles are split until they have as many. */
  workgroups: number;
  /** The least k of a slice: less does not pay for writing and adding up its partial sums. */
  depth: number;
}

// GPUs: twice 128, between the 64 and the 256 workgroups that are resident at once on small and large ones. Tiles times
// slices stay under twice `workgroups`, so partial sums under 2 * 256 * 64 * 64 floats, 8 MiB; on software adapters 32 KiB.
const RULES = {
  gpu: { tile: 64, workgroups: 256, depth: 128 },
  software: { tile: 32, workgroups: 4, depth: 512 },
} as const satisfies Record<string, SplitRule>;

/** The rule of an adapter's kind, unless the Gpu was given another. */
export const splitRule = ({ split, facts }: Gpu): SplitRule =>
  split ?? RULES[facts.isSoftware ? 'software' : 'gpu'];

const roundUp = (n: number, multiple: number): number => Math.ceil(n / multiple) * multiple;
const rowFloats = (N: number): number => roundUp(N, 4);

/** Of every slice but the last; kernels take up to this many k in a turn of their loop. */
const SLICE_MULTIPLE = 16;

/** Values of k in each of `slices` slices; the last has what is left. */
export const sliceLength = (K: number, slices: number): number =>
  roundUp(Math.ceil(K / slices), SLICE_MULTIPLE);

/** Slices the rule asks for, at most; 1: the product stays whole. */
function wantedSlices({ tile, workgroups, depth }: SplitRule, { M, N, K }: Dims): number {
  const tiles = Math.ceil(M / tile) * Math.ceil(N / tile);
  if (tiles === 0 || tiles >= workgroups) return 1;
  return Math.max(1, Math.min(Math.ceil(workgroups / tiles), Math.floor(K / depth)));
}

/** Into how many slices of k a product is cut, none of them empty; 1: not at all. */
export function slicesOf(rule: SplitRule, dims: Dims): number {
  const wanted = wantedSlices(rule, dims);
  return wanted === 1 ? 1 : Math.ceil(dims.K / sliceLength(dims.K, wanted));
}

/** Floats of a product's partial sums: (slices,M,N), rows of N rounded up to 4. */
export const partialFloats = (slices: number, { M, N }: Pick<Dims, 'M' | 'N'>): number =>
  slices * M * rowFloats(N);

/**
 * Floats of partial sums that a product in a backward pass takes at most, 0 where it is never split. Its tokens, M of nn
 * and K of tn, may be as many as given or fewer.
 */
export function mostPartialFloats(rule: SplitRule, layout: Exclude<MatmulLayout, 'nt'>, dims: Dims): number {
  const ofRows = (M: number): number => {
    const slices = wantedSlices(rule, { ...dims, M });
    return slices === 1 ? 0 : partialFloats(slices, { ...dims, M });
  };
  let most = ofRows(dims.M);
  // Fewer rows of tiles are split into more slices.
  for (let M = rule.tile; layout === 'nn' && M < dims.M; M += rule.tile) most = Math.max(most, ofRows(M));
  return most;
}

/** out (M,N) = or += the sum of partials (slices,M,N) in their order. */
export const matmulMerge = defineKernel({
  name: 'matmul_merge',
  wgsl: matmulMergeWgsl,
  buffers: { partials: 'read', out: 'read_write' },
  params: { M: 'u32', N: 'u32', ldc: 'u32', accumulate: 'u32', slices: 'u32' },
});

const MERGE_THREADS = 64;

/** Without slices nothing is dispatched. */
export function matmulMergeLaunch(
  { M, N, ldc = rowFloats(N), accumulate = false }: Omit<MatmulDims, 'K' | 'lda' | 'ldb'>,
  slices: number,
): Launch<keyof typeof matmulMerge.params> {
  const threads = slices ? (M * rowFloats(N)) / 4 : 0;
  return {
    params: { M, N, ldc, accumulate: accumulate ? 1 : 0, slices },
    grid: grid1d(Math.ceil(threads / MERGE_THREADS)),
  };
}
