import type { AdapterFacts } from '../gpu/device';
import type { Grid } from '../gpu/kernel';
import type { Blocking } from './matmul_text';
import type { VocabularyStorage } from './vocabulary';

/**
 * How a head that stores no logits goes through the vocabulary: `tiled` through workgroup memory (GPUs), `direct` without
 * (software adapters), `shared4` and `shared8` with hidden states loaded once for all lanes of a subgroup of that size
 * (software adapters that have it). Same bindings, same results within rounding.
 */
export type HeadDesign = 'tiled' | 'direct' | 'shared4' | 'shared8';

/** The design that suits an adapter. */
export function headDesign({ isSoftware, subgroupSize }: AdapterFacts): HeadDesign {
  if (!isSoftware) return 'tiled';
  if (subgroupSize === 4) return 'shared4';
  return subgroupSize === 8 ? 'shared8' : 'direct';
}

/** The ways of dividing a head's work, by name; those of a design see the same parts of the vocabulary. */
export const headConfigurations = {
  tiled_64x64: { rows: 4, columns: 4, across: 16, down: 16, step: 16 },
  tiled_8x64: { rows: 1, columns: 4, across: 16, down: 8, step: 16 },
  direct_8x8: { rows: 8, columns: 8, across: 8, down: 1 },
  direct_2x8: { rows: 2, columns: 8, across: 8, down: 1 },
  shared4_32x16: { rows: 32, columns: 16, across: 4, down: 1, subgroup: 4 },
  shared4_8x16: { rows: 8, columns: 16, across: 4, down: 1, subgroup: 4 },
  shared4_2x16: { rows: 2, columns: 16, across: 4, down: 1 },
  shared8_32x4: { rows: 32, columns: 4, across: 8, down: 1, subgroup: 8 },
  shared8_8x4: { rows: 8, columns: 4, across: 8, down: 1, subgroup: 8 },
  shared8_2x4: { rows: 2, columns: 4, across: 8, down: 1 },
} as const satisfies Record<string, Blocking>;

export type HeadConfiguration = keyof typeof headConfigurations;
export const headConfigurationNames = Object.keys(headConfigurations) as HeadConfiguration[];

/** Name of a generated head: head_score_tiled_8x64_q8. */
export const headName = (
  kind: string,
  configuration: HeadConfiguration,
  storage: VocabularyStorage,
): string => `head_${kind}_${configuration}${storage === 'f32' ? '' : `_${storage}`}`;

/** Where every storage is tested, a configuration of each kind: the others read weights by the same lines. */
const EVERY_STORAGE: readonly HeadConfiguration[] = ['tiled_8x64', 'direct_2x8'];

export const headStoragesOf = (configuration: HeadConfiguration): readonly VocabularyStorage[] =>
  EVERY_STORAGE.includes(configuration) ? ['f32', 'f16', 'q8'] : ['f32'];

/** Of a design, its configurations and the most rows each is for. */
export const headChoices = {
  tiled: [
    { most: 16, configuration: 'tiled_8x64' },
    { most: Infinity, configuration: 'tiled_64x64' },
  ],
  direct: [
    { most: 4, configuration: 'direct_2x8' },
    { most: Infinity, configuration: 'direct_8x8' },
  ],
  shared4: [
    { most: 4, configuration: 'shared4_2x16' },
    { most: 16, configuration: 'shared4_8x16' },
    { most: Infinity, configuration: 'shared4_32x16' },
  ],
  shared8: [
    { most: 4, configuration: 'shared8_2x4' },
    { most: 16, configuration: 'shared8_8x4' },
    { most: Infinity, configuration: 'shared8_32x4' },
  ],
} as const satisfies Record<HeadDesign, readonly { most: number; configuration: HeadConfiguration }[]>;

export const headDesigns = Object.keys(headChoices) as HeadDesign[];

/** The configuration of a design for so many rows. Errors: none of the design's takes them, which is a bug, throws. */
export function configurationFor(design: HeadDesign, rows: number): HeadConfiguration {
  const choice = headChoices[design].find(({ most }) => rows <= most);
  if (!choice) throw new Error(`${design} has no head for ${rows} rows`);
  return choice.configuration;
}

export const designOf = (configuration: HeadConfiguration): HeadDesign =>
  headDesigns.find((design) => configuration.startsWith(design)) ?? 'direct';

export interface HeadParts {
  /** Tokens of the vocabulary a part covers, at the end perhaps fewer. */
  width: number;
  /** How many parts: what the merge goes through for every row. */
  P: number;
}

const MOST_PARTS = 256;

/** Tokens a block of the kernel takes at once, parts a workgroup works on, tokens a part should have at least. */
const DESIGNS = {
  tiled: { block: 64, together: 1, tokens: 64 },
  direct: { block: 8, together: 8, tokens: 32 },
  shared4: { block: 16, together: 4, tokens: 64 },
  shared8: { block: 4, together: 8, tokens: 32 },
} as const;

/**
 * The parts of a vocabulary of V tokens. They depend on nothing else: neither rows nor batch change the order of a sum.
 * Their number is bounded, so that what is kept of a row is small beside its logits; none is empty.
 */
export function headParts(design: HeadDesign, V: number): HeadParts {
  const { block, together, tokens } = DESIGNS[design];
  const wanted = Math.min(MOST_PARTS, Math.ceil(V / tokens / together) * together);
  const width = Math.ceil(V / wanted / block) * block;
  const groups = Math.ceil(V / (width * together));
  const rest = V - (groups - 1) * width * together;
  return { width, P: (groups - 1) * together + Math.min(together, Math.ceil(rest / block)) };
}

/** The tokens of every part, in ascending order: the parts that a workgroup works on take blocks in turn. */
export function partTokens(design: HeadDesign, V: number): number[][] {
  const { block, together } = DESIGNS[design];
  const { width, P } = headParts(design, V);
  const parts = Array.from({ length: P }, (): number[] => []);
  for (let token = 0; token < V; token++) {
    const group = Math.floor(token / (width * together));
    parts[group * together + (Math.floor(token / block) % together)]?.push(token);
  }
  return parts;
}

/** Parts a row has at most, whatever the adapter: for plans made before one is known. */
export const mostHeadParts = (V: number): number =>
  Math.max(...headDesigns.map((design) => headParts(design, V).P));

/** Tokens that the parts a workgroup works on cover. */
const groupTokens = (design: HeadDesign, V: number): number =>
  headParts(design, V).width * DESIGNS[design].together;

/** A binding starts at a multiple of 256 bytes; so does a shard's block of columns in rows of logits. */
const COLUMNS = 64;

/**
 * Where a vocabulary of V tokens may be cut into shards: at multiples of so many. Then parts lie within shards, and
 * log-probabilities and draws have the bits of a vocabulary in one piece.
 */
export function vocabularyStep(facts: AdapterFacts, V: number): number {
  const group = groupTokens(headDesign(facts), V);
  let step = group;
  while (step % COLUMNS) step += group;
  return step;
}

/** Workgroups of a head over so many rows, of so many of its V tokens. */
export function headGrid(configuration: HeadConfiguration, rows: number, V: number, tokens: number): Grid {
  const design = designOf(configuration);
  const blocking = headConfigurations[configuration];
  return [Math.ceil(tokens / groupTokens(design, V)), Math.ceil(rows / (blocking.rows * blocking.down))];
}

/** Threads a row and rows a workgroup of a merge: on a CPU adapter a row is one thread's, without a barrier to wait at. */
export const headMergeConstants = (design: HeadDesign): { LANES: number; ROWS: number } =>
  design === 'tiled' ? { LANES: 32, ROWS: 2 } : { LANES: 1, ROWS: 8 };
