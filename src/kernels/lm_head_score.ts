import wgsl from '../../shaders/head_score.wgsl?raw';
import directWgsl from '../../shaders/head_score_direct.wgsl?raw';
import mergeWgsl from '../../shaders/head_score_merge.wgsl?raw';
import type { View } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { defineKernel, grid1d } from '../gpu/kernel';
import type { Launch, Plan } from '../gpu/plan';
import { headGrid, headMergeConstants, headParts, mostHeadParts, type HeadDesign } from './lm_head_parts';

/** M rows that carry loss, C hidden size, V vocabulary. */
export interface HeadScoreDims {
  M: number;
  V: number;
  C: number;
}

const binding = {
  buffers: { hidden: 'read', weight: 'read', targets: 'read', partials: 'read_write', logp: 'read_write' },
  params: { M: 'u32', V: 'u32', C: 'u32', P: 'u32', width: 'u32' },
} as const;

/** The LM head and the softmax statistics of every part of the vocabulary in one: no logits. */
export const headScoreKernels = {
  tiled: defineKernel({ name: 'head_score', wgsl, ...binding }),
  direct: defineKernel({ name: 'head_score_direct', wgsl: directWgsl, ...binding }),
} as const;

/** The parts' statistics become each row's log-probability, entropy and whether its target is the argmax. */
export const headScoreMerge = defineKernel({
  name: 'head_score_merge',
  wgsl: mergeWgsl,
  buffers: {
    partials: 'read',
    targets: 'read',
    logp: 'read_write',
    entropy: 'read_write',
    correct: 'read_write',
  },
  params: { M: 'u32', P: 'u32' },
});

export function headScoreLaunch(
  design: HeadDesign,
  { M, V, C }: HeadScoreDims,
): Launch<keyof typeof binding.params> {
  return { params: { M, V, C, ...headParts(design, V) }, grid: headGrid(design, M, V) };
}

export function headScoreMergeLaunch(
  design: HeadDesign,
  { M, V }: HeadScoreDims,
): Launch<keyof typeof headScoreMerge.params> {
  return {
    params: { M, P: headParts(design, V).P },
    grid: grid1d(Math.ceil(M / headMergeConstants(design).ROWS)),
  };
}

/** Floats of `partials` for M rows: what is kept of each part's softmax. */
export const headScoreFloats = (M: number, V: number): number => M * mostHeadParts(V) * 4;

/**
 * Records hidden (M,C), weight (V,C), targets (M) → logp, entropy, correct (M) in two dispatches, without logits; partials
 * holds `headScoreFloats`. M = 0 dispatches nothing.
 */
export function addHeadScore<D>(
  plan: Plan<D>,
  gpu: Gpu,
  buffers: Readonly<
    Record<'hidden' | 'weight' | 'targets' | 'partials' | 'logp' | 'entropy' | 'correct', View>
  >,
  dims: (step: D) => HeadScoreDims,
): void {
  const design = gpu.facts.isSoftware ? 'direct' : 'tiled';
  const { hidden, weight, targets, partials, logp, entropy, correct } = buffers;
  plan.add(headScoreKernels[design], { hidden, weight, targets, partials, logp }, (step) =>
    headScoreLaunch(design, dims(step)),
  );
  plan.add(
    headScoreMerge,
    { partials, targets, logp, entropy, correct },
    (step) => headScoreMergeLaunch(design, dims(step)),
    headMergeConstants(design),
  );
}
