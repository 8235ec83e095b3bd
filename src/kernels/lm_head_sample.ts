import wgsl from '../../shaders/head_sample.wgsl?raw';
import mergeWgsl from '../../shaders/head_sample_merge.wgsl?raw';
import type { View } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { defineKernel, grid1d, type Kernel } from '../gpu/kernel';
import type { Launch, Plan } from '../gpu/plan';
import { headFamily } from './lm_head_family';
import {
  configurationFor,
  designOf,
  headChoices,
  headDesign,
  headGrid,
  headMergeConstants,
  headParts,
  mostHeadParts,
  type HeadConfiguration,
  type HeadDesign,
} from './lm_head_parts';
import { endsOf, seedOf, type SampleDims } from './sampler';
import type { Shard, ShardRows } from './vocabulary';

const binding = {
  buffers: {
    hidden: 'read',
    weight: 'read',
    positions: 'read',
    state: 'read',
    partials: 'read_write',
  },
  params: {
    B: 'u32',
    V: 'u32',
    C: 'u32',
    P: 'u32',
    width: 'u32',
    first_token: 'u32',
    seed_lo: 'u32',
    seed_hi: 'u32',
    temperature: 'f32',
  },
} as const;

type HeadSampleKernel = Kernel<keyof typeof binding.buffers, keyof typeof binding.params>;

/** The LM head and the draw of every part of the vocabulary in one: no logits. Written by hand, the generated ones' oracle. */
export const plainHeadSample: HeadSampleKernel = defineKernel({ name: 'head_sample', wgsl, ...binding });

/** The same, generated, by configuration and storage; and those of them that are tested. */
export const { kernel: headSampleKernel, tested: headSampleFamily } = headFamily('sample', binding);

/** The parts' draws become each row's token. */
export const headSampleMerge = defineKernel({
  name: 'head_sample_merge',
  wgsl: mergeWgsl,
  buffers: {
    partials: 'read',
    tokens: 'read_write',
    positions: 'read_write',
    slots: 'read_write',
    state: 'read_write',
    history: 'read_write',
  },
  params: { B: 'u32', P: 'u32', Hmax: 'u32', eos_count: 'u32', eos0: 'u32', eos1: 'u32' },
});

/** A sampling step without logits: rows, history, ends, seed and temperature as in SampleDims; C the hidden size. */
export type HeadSampleDims = Pick<SampleDims, 'B' | 'V' | 'Hmax' | 'eos' | 'seed' | 'temperature'> & {
  C: number;
};

/** Of `shard`, whose parts are some of those of all V tokens. */
export function headSampleLaunch(
  configuration: HeadConfiguration,
  { B, V, C, seed, temperature }: HeadSampleDims,
  { row0, rows }: ShardRows = { row0: 0, rows: V },
): Launch<keyof typeof binding.params> {
  const parts = headParts(designOf(configuration), V);
  return {
    params: { B, V: row0 + rows, C, ...parts, first_token: row0, ...seedOf(seed), temperature },
    grid: headGrid(configuration, B, V, rows),
  };
}

/** Errors: more than two EOS ids is a bug and throws. */
export function headSampleMergeLaunch(
  design: HeadDesign,
  { B, V, Hmax, eos }: HeadSampleDims,
): Launch<keyof typeof headSampleMerge.params> {
  return {
    params: { B, P: headParts(design, V).P, Hmax, ...endsOf(eos) },
    grid: grid1d(Math.ceil(B / headMergeConstants(design).ROWS)),
  };
}

/** Shape of `partials` for B rows: what is kept of each part's draw. */
export const headSampleShape = (B: number, V: number): [number, number, number] => [B, mostHeadParts(V), 5];

export type HeadSampleBuffer = 'hidden' | 'tokens' | 'positions' | 'slots' | 'state' | 'history' | 'partials';

/**
 * Records the LM head and the choice of the next token in a dispatch a shard of weight (V,C) and one more, without logits:
 * hidden (B,C), partials of `headSampleShape`, the rest as in `addSample`, whose token, log-probability and end it writes. For greedy
 * choice and plain temperature; top_k and top_p need `addSample`. B = 0 dispatches nothing; few rows take another kernel.
 */
export function addHeadSample<D>(
  plan: Plan<D>,
  gpu: Gpu,
  buffers: Readonly<Record<HeadSampleBuffer, View>>,
  shards: readonly Shard[],
  dims: (step: D) => HeadSampleDims,
  softcap = 0,
): void {
  const design = headDesign(gpu.facts);
  const { hidden, tokens, positions, slots, state, history, partials } = buffers;
  for (const { configuration } of headChoices[design]) {
    for (const shard of shards) {
      const views = { hidden, weight: shard.weight, positions, state, partials };
      const launch = (step: D) => {
        const wanted = headSampleLaunch(configuration, dims(step), shard);
        const fits = configurationFor(design, dims(step).B) === configuration;
        return fits ? wanted : { ...wanted, grid: [0] as const };
      };
      plan.add(headSampleKernel(configuration, shard.storage), views, launch, { CAP: softcap });
    }
  }
  plan.add(
    headSampleMerge,
    { partials, tokens, positions, slots, state, history },
    (step) => headSampleMergeLaunch(design, dims(step)),
    headMergeConstants(design),
  );
}
