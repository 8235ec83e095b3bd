import type { Grid } from '../gpu/kernel';

/**
 * How a head that stores no logits looks at its hidden states: `tiled` through workgroup memory (GPUs), `direct` without
 * (software adapters). Same bindings, same results within rounding.
 */
export type HeadDesign = 'tiled' | 'direct';

export interface HeadParts {
  /** Tokens of the vocabulary a part covers, at the end perhaps fewer. */
  width: number;
  /** How many parts: what the merge goes through for every row. */
  P: number;
}

const MOST_PARTS = 256;

/** Tokens a block of the kernel takes at once, rows and parts a workgroup works on, tokens a part should have at least. */
const DESIGNS = {
  tiled: { block: 64, rows: 64, together: 1, tokens: 64 },
  direct: { block: 8, rows: 8, together: 8, tokens: 32 },
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
  Math.max(headParts('tiled', V).P, headParts('direct', V).P);

/** Workgroups of a head over so many rows. */
export const headGrid = (design: HeadDesign, rows: number, V: number): Grid => [
  Math.ceil(headParts(design, V).P / DESIGNS[design].together),
  Math.ceil(rows / DESIGNS[design].rows),
];

/** Threads a row and rows a workgroup of a merge: on a CPU adapter a row is one thread's, without a barrier to wait at. */
export const headMergeConstants = (design: HeadDesign): { LANES: number; ROWS: number } =>
  design === 'direct' ? { LANES: 1, ROWS: 8 } : { LANES: 32, ROWS: 2 };
