import { runOnce } from '../gpu/run_once';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import { F32 } from './compare';
import {
  bucketTokens,
  embeddingBackward,
  embeddingBackwardLaunch,
  embeddingForward,
  embeddingForwardLaunch,
  embeddingForwardStored,
  positionForward,
  positionForwardLaunch,
  STORED_BITS,
} from './embedding';
import { decodeRows, encodeRows } from './quantize';
import { embeddingBackwardReference, embeddingForwardReference } from './embedding.reference';

/** Gemma's for 640 columns: a factor that f32 rounds. */
const SCALE = Math.fround(Math.sqrt(640));

/** Rows of 4 to 244 columns around the 64 vec4 of a workgroup; V below N makes tokens repeat. */
const SHAPES: readonly (readonly [N: number, V: number, C: number])[] = [
  [0, 5, 8],
  [1, 1, 4],
  [2, 7, 244],
  [63, 3, 4],
  [64, 97, 4],
  [65, 11, 4],
  [131, 61, 20],
  [257, 2, 12],
];

/** N tokens below V, the same every time. */
function someTokens(N: number, V: number): Uint32Array {
  return Uint32Array.from(testNumbers(N, 7), (x) => Math.floor((x + 1) * 0.5 * V));
}

/** Positions below T, in any order and repeating, of rows that begin at `first`. */
function positionCase(N: number, T: number, C: number, first: number): KernelCase {
  return {
    kernel: positionForward.name,
    direction: 'forward',
    shape: `N=${N} T=${T} C=${C} first=${first}`,
    run: async (gpu) => {
      const positions = someTokens(N, T);
      const weight = testNumbers((first + T) * C, 1);
      const before = testNumbers(N * C, 2);
      const { params, grid } = positionForwardLaunch({ N, C, first });
      const actual = await runOnce(gpu, positionForward, { positions, weight, out: before }, params, grid);
      const rows = embeddingForwardReference(positions, weight.subarray(first * C), C);
      const expected = rows.map((value, i) => value + (before[i] ?? 0));
      return [{ tensor: 'out', actual: actual.out, expected, tolerance: F32 }];
    },
  };
}

/** A shard's rows of a frozen embedding: tokens before and behind it leave their rows of out as they were. */
function storedCase(N: number, V: number, C: number, storage: keyof typeof STORED_BITS): KernelCase {
  return {
    kernel: embeddingForwardStored.name,
    direction: 'forward',
    shape: `N=${N} V=${V} C=${C} ${storage}`,
    run: async (gpu) => {
      const tokens = someTokens(N, V);
      const shard = { row0: Math.floor(V / 3), rows: Math.ceil(V / 2) };
      const values = testNumbers(V * C, 1);
      const own = values.slice(shard.row0 * C, (shard.row0 + shard.rows) * C);
      const weight = encodeRows(storage, own, C);
      values.set(decodeRows(storage, weight, C), shard.row0 * C);
      const before = testNumbers(N * C, 2);
      const { params, grid } = embeddingForwardLaunch({ N, C, scale: SCALE }, shard);
      const constants = { BITS: STORED_BITS[storage] };
      const operands = { tokens, weight, out: before };
      const { out } = await runOnce(gpu, embeddingForwardStored, operands, params, grid, constants);
      const read = embeddingForwardReference(tokens, values, C, SCALE);
      const isHere = (n: number): boolean => {
        const row = (tokens[n] ?? 0) - shard.row0;
        return row >= 0 && row < shard.rows;
      };
      const expected = read.map((value, i) => (isHere(Math.floor(i / C)) ? value : (before[i] ?? 0)));
      return [{ tensor: 'out', actual: out, expected, tolerance: F32 }];
    },
  };
}

/** A row of one group, of parts of a second, of an odd number of words, of many groups. */
const STORED_SHAPES = [
  [1, 1, 4],
  [65, 11, 36],
  [64, 97, 72],
  [131, 61, 20],
  [3, 7, 244],
] as const;
const STORED = Object.keys(STORED_BITS) as (keyof typeof STORED_BITS)[];

const CASES = SHAPES.flatMap((shape) => [1, SCALE].map((scale) => [...shape, scale] as const));

export const embeddingCases: readonly KernelCase[] = [
  ...CASES.flatMap(tokenCases),
  ...STORED.flatMap((storage) => STORED_SHAPES.map(([N, V, C]) => storedCase(N, V, C, storage))),
  ...SHAPES.flatMap(([N, T, C]) => [positionCase(N, T, C, 0), positionCase(N, T, C, 2)]),
];

function tokenCases([N, V, C, scale]: (typeof CASES)[number]): KernelCase[] {
  return [
    {
      kernel: embeddingForward.name,
      direction: 'forward',
      shape: `N=${N} V=${V} C=${C}${scale === 1 ? '' : ` scale=${scale}`}`,
      run: async (gpu) => {
        const tokens = someTokens(N, V);
        const weight = testNumbers(V * C, 1);
        const { params, grid } = embeddingForwardLaunch({ N, C, scale });
        const { out } = await runOnce(gpu, embeddingForward, { tokens, weight, out: N * C }, params, grid);
        const expected = embeddingForwardReference(tokens, weight, C, scale);
        return [{ tensor: 'out', actual: out, expected, tolerance: F32 }];
      },
    },
    {
      kernel: embeddingBackward.name,
      direction: 'backward',
      shape: `N=${N} V=${V} C=${C}${scale === 1 ? '' : ` scale=${scale}`}`,
      run: async (gpu) => {
        const tokens = someTokens(N, V);
        const dout = testNumbers(N * C, 2);
        const before = testNumbers(V * C, 3);
        const { U, data: buckets } = bucketTokens(tokens);
        const { params, grid } = embeddingBackwardLaunch({ U, C, scale });
        const operands = { dout, buckets, dweight: before };
        const { dweight } = await runOnce(gpu, embeddingBackward, operands, params, grid);
        const gradient = embeddingBackwardReference(dout, tokens, V, C, scale);
        const expected = gradient.map((value, i) => value + (before[i] ?? 0));
        return [{ tensor: 'dweight', actual: dweight, expected, tolerance: F32 }];
      },
    },
  ];
}
