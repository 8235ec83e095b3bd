import wgsl from '../../shaders/head_score.wgsl?raw';
import mergeWgsl from '../../shaders/head_score_merge.wgsl?raw';
import type { View } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { defineKernel, grid1d, type Kernel } from '../gpu/kernel';
import type { Launch, Plan } from '../gpu/plan';
import { headFamily } from './lm_head_family';
import type { Shard, ShardRows } from './vocabulary';
import {
  configurationFor,
  designOf,
  headDesign,
  headGrid,
  headMergeConstants,
  headParts,
  mostHeadParts,
  type HeadConfiguration,
  type HeadDesign,
} from './lm_head_parts';

/** M rows that carry loss, C hidden size, V vocabulary. */
export interface HeadScoreDims {
  M: number;
  V: number;
  C: number;
}

const binding = {
  buffers: { hidden: 'read', weight: 'read', targets: 'read', partials: 'read_write', logp: 'read_write' },
  params: { M: 'u32', V: 'u32', C: 'u32', P: 'u32', width: 'u32', first_token: 'u32' },
} as const;

type HeadScoreKernel = Kernel<keyof typeof binding.buffers, keyof typeof binding.params>;

/** The LM head and every part's softmax statistics in one: no logits. Written by hand, the generated ones' oracle. */
export const plainHeadScore: HeadScoreKernel = defineKernel({ name: 'head_score', wgsl, ...binding });

/** The same, generated, by configuration and storage; and those of them that are tested. */
export const { kernel: headScoreKernel, tested: headScoreFamily } = headFamily('score', binding);

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

/** Of `shard`, whose parts are some of those of all V tokens. */
export function headScoreLaunch(
  configuration: HeadConfiguration,
  { M, V, C }: HeadScoreDims,
  { row0, rows }: ShardRows = { row0: 0, rows: V },
): Launch<keyof typeof binding.params> {
  const parts = headParts(designOf(configuration), V);
  return {
    params: { M, V: row0 + rows, C, ...parts, first_token: row0 },
    grid: headGrid(configuration, M, V, rows),
  };
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
 * Records hidden (M,C), weight (V,C) in shards, targets (M) → logp, entropy, correct (M) in a dispatch a shard and one more,
 * without logits; partials holds `headScoreFloats`. M = 0 dispatches nothing.
 */
export function addHeadScore<D>(
  plan: Plan<D>,
  gpu: Gpu,
  buffers: Readonly<Record<'hidden' | 'targets' | 'partials' | 'logp' | 'entropy' | 'correct', View>>,
  shards: readonly Shard[],
  dims: (step: D) => HeadScoreDims,
  softcap = 0,
): void {
  const design = headDesign(gpu.facts);
  const { hidden, targets, partials, logp, entropy, correct } = buffers;
  const many = configurationFor(design, Infinity);
  for (const shard of shards) {
    const { weight, storage } = shard;
    plan.add(
      headScoreKernel(many, storage),
      { hidden, weight, targets, partials, logp },
      (step) => headScoreLaunch(many, dims(step), shard),
      { CAP: softcap },
    );
  }
  plan.add(
    headScoreMerge,
    { partials, targets, logp, entropy, correct },
    (step) => headScoreMergeLaunch(design, dims(step)),
    headMergeConstants(design),
  );
}
