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
} from './embedding';
import { embeddingBackwardReference, embeddingForwardReference } from './embedding.reference';

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

export const embeddingCases: readonly KernelCase[] = SHAPES.flatMap(([N, V, C]): KernelCase[] => [
  {
    kernel: embeddingForward.name,
    direction: 'forward',
    shape: `N=${N} V=${V} C=${C}`,
    run: async (gpu) => {
      const tokens = someTokens(N, V);
      const weight = testNumbers(V * C, 1);
      const { params, grid } = embeddingForwardLaunch({ N, C });
      const { out } = await runOnce(gpu, embeddingForward, { tokens, weight, out: N * C }, params, grid);
      const expected = embeddingForwardReference(tokens, weight, C);
      return [{ tensor: 'out', actual: out, expected, tolerance: F32 }];
    },
  },
  {
    kernel: embeddingBackward.name,
    direction: 'backward',
    shape: `N=${N} V=${V} C=${C}`,
    run: async (gpu) => {
      const tokens = someTokens(N, V);
      const dout = testNumbers(N * C, 2);
      const before = testNumbers(V * C, 3);
      const { U, data: buckets } = bucketTokens(tokens);
      const { params, grid } = embeddingBackwardLaunch({ U, C });
      const operands = { dout, buckets, dweight: before };
      const { dweight } = await runOnce(gpu, embeddingBackward, operands, params, grid);
      const gradient = embeddingBackwardReference(dout, tokens, V, C);
      const expected = gradient.map((value, i) => value + (before[i] ?? 0));
      return [{ tensor: 'dweight', actual: dweight, expected, tolerance: F32 }];
    },
  },
]);
