import { runOnce } from '../gpu/run_once';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import { F32 } from './compare';
import {
  valueHeadBackward,
  valueHeadBackwardLaunch,
  valueHeadBackwardWeight,
  valueHeadBackwardWeightLaunch,
  valueHeadForward,
  valueHeadForwardLaunch,
} from './value_head';
import { valueHeadBackwardReference, valueHeadForwardReference } from './value_head.reference';

// Rows around the 4 and the 64 of a workgroup; columns around the 16 lanes of 4, and 4 times a prime.
const SHAPES: readonly (readonly [M: number, C: number])[] = [
  [0, 64],
  [1, 4],
  [2, 60],
  [3, 64],
  [4, 68],
  [5, 244],
  [63, 12],
  [64, 16],
  [65, 20],
  [257, 28],
];

function inputs(M: number, C: number) {
  return { inp: testNumbers(M * C, 1, 2), weight: testNumbers(C, 2), dvalue: testNumbers(M, 3) };
}

export const valueHeadCases: readonly KernelCase[] = SHAPES.flatMap(([M, C]): KernelCase[] => [
  {
    kernel: valueHeadForward.name,
    direction: 'forward',
    shape: `M=${M} C=${C}`,
    run: async (gpu) => {
      const { inp, weight } = inputs(M, C);
      const bias = new Float32Array([0.375]);
      const { params, grid } = valueHeadForwardLaunch({ M, C });
      const { value } = await runOnce(gpu, valueHeadForward, { inp, weight, bias, value: M }, params, grid);
      const expected = valueHeadForwardReference(inp, weight, 0.375, M, C);
      return [{ tensor: 'value', actual: value, expected, tolerance: F32 }];
    },
  },
  {
    kernel: valueHeadBackward.name,
    direction: 'backward',
    shape: `M=${M} C=${C}`,
    run: async (gpu) => {
      const { inp, weight, dvalue } = inputs(M, C);
      const before = testNumbers(M * C, 4);
      const { params, grid } = valueHeadBackwardLaunch({ M, C });
      const actual = await runOnce(gpu, valueHeadBackward, { dvalue, weight, dinp: before }, params, grid);
      const { dinp } = valueHeadBackwardReference(dvalue, inp, weight, M, C);
      const expected = dinp.map((gradient, i) => before[i]! + gradient);
      return [{ tensor: 'dinp', actual: actual.dinp, expected, tolerance: F32 }];
    },
  },
  {
    kernel: valueHeadBackwardWeight.name,
    direction: 'backward',
    shape: `M=${M} C=${C}`,
    run: async (gpu) => {
      const { inp, weight, dvalue } = inputs(M, C);
      const before = testNumbers(C + 1, 5);
      const { params, grid } = valueHeadBackwardWeightLaunch({ M, C });
      const operands = { dvalue, inp, dweight: before.slice(0, C), dbias: before.slice(C) };
      const actual = await runOnce(gpu, valueHeadBackwardWeight, operands, params, grid);
      const { dweight, dbias } = valueHeadBackwardReference(dvalue, inp, weight, M, C);
      const expected = dweight.map((gradient, c) => before[c]! + gradient);
      return [
        { tensor: 'dweight', actual: actual.dweight, expected, tolerance: F32 },
        { tensor: 'dbias', actual: actual.dbias, expected: [before[C]! + dbias], tolerance: F32 },
      ];
    },
  },
]);
