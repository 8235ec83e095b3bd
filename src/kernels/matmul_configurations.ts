import type { AdapterFacts } from '../gpu/device';
import { defineKernel, type Kernel } from '../gpu/kernel';
import type { MatmulLayout } from './matmul';
import { generateMatmul, matmulName, type MatmulParam } from './matmul_generator';
import { PLAIN, type Blocking, type MatmulFusion } from './matmul_text';
import { STORAGES } from './quantize';
import matmulNn from '../../shaders/matmul_nn.wgsl?raw';
import matmulNt from '../../shaders/matmul_nt.wgsl?raw';
import matmulTn from '../../shaders/matmul_tn.wgsl?raw';

/**
 * The ways of dividing the work, by name and the tile of a workgroup: `tiled` through workgroup memory; `direct` without it
 * and without barriers, which cost an adapter that runs on a CPU more than they save.
 */
export const matmulConfigurations = {
  tiled_16x64: { rows: 4, columns: 4, across: 16, down: 4, step: 16 },
  tiled_32x32: { rows: 4, columns: 4, across: 8, down: 8, step: 16 },
  tiled_64x64: { rows: 4, columns: 4, across: 16, down: 16, step: 16 },
  tiled_64x64_8x8: { rows: 8, columns: 8, across: 8, down: 8, step: 16 },
  direct_8x32: { rows: 8, width: 32 },
  direct_16x32: { rows: 16, width: 32 },
  direct_32x32: { rows: 32, width: 32 },
  direct_32x64: { rows: 32, width: 64 },
  direct_64x64: { rows: 64, width: 64 },
} as const satisfies Record<string, Blocking | { rows: number; width: number }>;

export type MatmulConfiguration = keyof typeof matmulConfigurations;

export const matmulConfigurationNames = Object.keys(matmulConfigurations) as MatmulConfiguration[];
export const MATMUL_LAYOUTS = ['nt', 'nn', 'tn'] as const satisfies readonly MatmulLayout[];

/**
 * The fusions that are tested beside the plain product, all of nt: of those that the models use in generation, every part
 * beside every other that it meets.
 */
export const matmulFusions: readonly MatmulFusion[] = [
  { ...PLAIN, bias: true },
  { ...PLAIN, norm: true, bias: true },
  { ...PLAIN, norm: true, gated: true },
  { ...PLAIN, activated: true, bias: true },
  { ...PLAIN, residual: true, bias: true, adapter: true },
  { ...PLAIN, norm: true, gated: true, bias: true, adapter: true },
];

/** The configurations that carry fusions: of small tiles, since generation has few rows. */
const FUSED = ['tiled_16x64', 'tiled_32x32', 'direct_8x32', 'direct_16x32'] as const;

/** What a fused product uses where a plain one uses `configuration`: the largest tile of its kind that carries fusions. */
export function fusable(configuration: MatmulConfiguration): (typeof FUSED)[number] {
  const same = FUSED.find((name) => name === configuration);
  return same ?? (configuration.startsWith('tiled') ? 'tiled_32x32' : 'direct_16x32');
}

/** Blocks that only subgroups of four threads can hold. */
const WIDEST: readonly MatmulConfiguration[] = ['direct_32x64', 'direct_64x64'];

/** Whether a configuration is ever used on an adapter: wide blocks need loads that subgroups share, the widest few lanes. */
export function isFor(configuration: MatmulConfiguration, { subgroupSize }: AdapterFacts): boolean {
  if (WIDEST.includes(configuration)) return subgroupSize === 4;
  return configuration.startsWith('tiled') || configuration === 'direct_8x32' || subgroupSize !== undefined;
}

/** The fusion that reads b in a way of its own: the others know nothing of how it is stored. */
const isReader = ({ norm, gated, adapter }: MatmulFusion): boolean => norm && gated && !adapter;

/** Where every storage is tested, a configuration of each kind: f16 and q8 differ from q4 only in how a word becomes values. */
const EVERY_STORAGE: readonly MatmulConfiguration[] = ['tiled_16x64', 'direct_8x32'];

/** The kernels of a layout and configuration that are tested: every fusion, and by storage those that differ in it. */
export function fusionsOf(layout: MatmulLayout, configuration: MatmulConfiguration): readonly MatmulFusion[] {
  if (layout === 'tn') return [PLAIN];
  const fusions = layout === 'nt' && fusable(configuration) === configuration ? matmulFusions : [];
  const stored = [PLAIN, ...fusions.filter(isReader)];
  const storages = EVERY_STORAGE.includes(configuration)
    ? STORAGES.filter((storage) => storage !== 'f32')
    : configuration === 'direct_32x64' // between two that have it
      ? []
      : (['q4'] as const);
  return [
    PLAIN,
    ...fusions,
    ...storages.flatMap((storage) => stored.map((fusion) => ({ ...fusion, storage }))),
  ];
}

const define = (name: string, wgsl: string) =>
  defineKernel({
    name,
    wgsl,
    buffers: { a: 'read', b: 'read', out: 'read_write' },
    params: { M: 'u32', N: 'u32', K: 'u32', lda: 'u32', ldb: 'u32', ldc: 'u32', accumulate: 'u32' },
  });

/** The hand-written kernels, in tiles of 64×64: the oracle of the generated ones. */
export const plainMatmulKernels = {
  nt: define('matmul_nt', matmulNt),
  nn: define('matmul_nn', matmulNn),
  tn: define('matmul_tn', matmulTn),
};
export const PLAIN_TILE = [64, 64] as const;

const LEAST_COLUMNS = 4;
/** From here a thread of a subgroup of four stores its rows in a loop: written out they are most of what is compiled. */
const ROWS_OF_LOOP = 64;
/** Threads of a direct workgroup where nothing is shared. */
const THREADS = 8;

/**
 * The blocking of a configuration on an adapter with this subgroup size. A direct workgroup is one subgroup when its rows
 * can be dealt to the lanes; a thread's columns follow from the tile. Lanes are few where a loop's turn is dear: two fours.
 */
export function matmulBlocking(
  configuration: MatmulConfiguration,
  subgroupSize: number | undefined,
): Blocking {
  const given: Blocking | { rows: number; width: number } = matmulConfigurations[configuration];
  if (!('width' in given)) return given;
  const { rows, width } = given;
  const shares = subgroupSize !== undefined && subgroupSize >= 4 && rows % subgroupSize === 0;
  const across = shares ? subgroupSize : THREADS;
  return {
    rows,
    columns: Math.max(LEAST_COLUMNS, width / across),
    across,
    down: 1,
    ...(shares ? { subgroup: subgroupSize } : {}),
    ...(across === 4 ? { dots: 2, storesInLoop: rows >= ROWS_OF_LOOP } : {}),
  };
}

const generated = new Map<string, Kernel<string, MatmulParam>>();

/** A kernel of the family for an adapter with this subgroup size; its text is written once. */
export function matmulKernel(
  layout: MatmulLayout,
  configuration: MatmulConfiguration,
  subgroupSize: number | undefined,
  fusion: MatmulFusion = PLAIN,
): Kernel<string, MatmulParam> {
  const blocking = matmulBlocking(configuration, subgroupSize);
  const full =
    blocking.subgroup === undefined ? configuration : `${configuration}_subgroup${blocking.subgroup}`;
  const name = matmulName(layout, full, fusion);
  let kernel = generated.get(name);
  if (!kernel) {
    kernel = generateMatmul(layout, full, blocking, fusion);
    generated.set(name, kernel);
  }
  return kernel;
}

/** The generated kernels that are tested, for adapters with this subgroup size (undefined: without subgroups). */
export function matmulFamily(subgroupSize: number | undefined): Kernel<string, MatmulParam>[] {
  return MATMUL_LAYOUTS.flatMap((layout) =>
    matmulConfigurationNames.flatMap((configuration) =>
      fusionsOf(layout, configuration).map((fusion) =>
        matmulKernel(layout, configuration, subgroupSize, fusion),
      ),
    ),
  );
}
