import { runOnce } from '../gpu/run_once';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import { F32 } from './compare';
import {
  residualRmsnormForward,
  rmsnormBackward,
  rmsnormBackwardLaunch,
  rmsnormBackwardWeight,
  rmsnormBackwardWeightLaunch,
  rmsnormPartialsShape,
  rmsnormForward,
  rmsnormForwardLaunch,
} from './rmsnorm';
import {
  residualRmsnormForwardReference,
  rmsnormBackwardReference,
  rmsnormForwardReference,
} from './rmsnorm.reference';

const EPS = 1e-5;

// Rows around the 4 of a workgroup; columns around the 16 lanes of 4, and 4 times a prime; the last pair is over 64 rows.
const SHAPES: readonly (readonly [N: number, C: number])[] = [
  [0, 64],
  [1, 4],
  [2, 60],
  [3, 64],
  [4, 68],
  [5, 244],
  [7, 576],
  [63, 12],
  [64, 16],
  [65, 20],
  [257, 28],
];

function forwardCase(N: number, C: number, LANES: number, offset = 0, ADD = 0): KernelCase {
  return {
    kernel: rmsnormForward.name,
    direction: 'forward',
    shape: `N=${N} C=${C} LANES=${LANES} offset=${offset}${ADD ? ' added' : ''}`,
    run: async (gpu) => {
      const inp = testNumbers(N * C, 1, 2);
      const weight = testNumbers(C, 2);
      const { params, grid } = rmsnormForwardLaunch({ N, C, eps: EPS, offset });
      const before = testNumbers(N * C, 11);
      const operands = { inp, weight, out: ADD ? before : N * C, rstd: N };
      const actual = await runOnce(gpu, rmsnormForward, operands, params, grid, { LANES, ADD });
      const expected = rmsnormForwardReference(inp, weight, N, C, EPS, offset);
      const out = ADD ? expected.out.map((value, i) => value + before[i]!) : expected.out;
      return [
        { tensor: 'out', actual: actual.out, expected: out, tolerance: F32 },
        { tensor: 'rstd', actual: actual.rstd, expected: expected.rstd, tolerance: F32 },
      ];
    },
  };
}

function residualForwardCase(N: number, C: number, LANES: number, offset = 0): KernelCase {
  return {
    kernel: residualRmsnormForward.name,
    direction: 'forward',
    shape: `N=${N} C=${C} LANES=${LANES} offset=${offset}`,
    run: async (gpu) => {
      const inp = testNumbers(N * C, 3, 2);
      const branch = testNumbers(N * C, 4);
      const weight = testNumbers(C, 5);
      const { params, grid } = rmsnormForwardLaunch({ N, C, eps: EPS, offset });
      const operands = { inp, branch, weight, sum: N * C, out: N * C, rstd: N };
      const actual = await runOnce(gpu, residualRmsnormForward, operands, params, grid, { LANES });
      const expected = residualRmsnormForwardReference(inp, branch, weight, N, C, EPS, offset);
      return [
        { tensor: 'sum', actual: actual.sum, expected: expected.sum, tolerance: F32 },
        { tensor: 'out', actual: actual.out, expected: expected.out, tolerance: F32 },
        { tensor: 'rstd', actual: actual.rstd, expected: expected.rstd, tolerance: F32 },
      ];
    },
  };
}

/** What both backward kernels start from; what they add to is not zero. */
function backwardInputs(N: number, C: number, offset = 0) {
  const dout = testNumbers(N * C, 6);
  const inp = testNumbers(N * C, 7, 2);
  const weight = testNumbers(C, 8);
  const rstd = Float32Array.from(rmsnormForwardReference(inp, weight, N, C, EPS).rstd);
  const expected = rmsnormBackwardReference(dout, inp, weight, rstd, N, C, offset);
  return { dout, inp, weight, rstd, expected };
}

/** Sums of 32 rows of dout * inp * rstd each. */
function partialSums(dout: Float32Array, inp: Float32Array, rstd: Float32Array, N: number, C: number) {
  const partials = new Float64Array(Math.ceil(N / 32) * C);
  for (let i = 0; i < N * C; i++) {
    const row = Math.floor(i / C);
    partials[Math.floor(row / 32) * C + (i % C)]! += dout[i]! * inp[i]! * rstd[row]!;
  }
  return partials;
}

function backwardCase(N: number, C: number, LANES: number, offset = 0): KernelCase {
  return {
    kernel: rmsnormBackward.name,
    direction: 'backward',
    shape: `N=${N} C=${C} LANES=${LANES} offset=${offset}`,
    run: async (gpu) => {
      const { dout, inp, weight, rstd, expected } = backwardInputs(N, C, offset);
      const before = testNumbers(N * C, 9);
      const { params, grid } = rmsnormBackwardLaunch({ N, C, offset });
      const partials = partialSums(dout, inp, rstd, N, C);
      const operands = { dout, inp, weight, rstd, dinp: before, partials: partials.length };
      const actual = await runOnce(gpu, rmsnormBackward, operands, params, grid, { LANES });
      const dinp = expected.dinp.map((gradient, i) => before[i]! + gradient);
      return [
        { tensor: 'dinp', actual: actual.dinp, expected: dinp, tolerance: F32 },
        { tensor: 'partials', actual: actual.partials, expected: partials, tolerance: F32 },
      ];
    },
  };
}

/** Two norms of the same rows, whose weights lie a little apart. */
function backwardWeightCase(N: number, C: number): KernelCase {
  return {
    kernel: rmsnormBackwardWeight.name,
    direction: 'backward',
    shape: `N=${N} C=${C}`,
    run: async (gpu) => {
      const { dout, inp, rstd, expected } = backwardInputs(N, C);
      const shape = rmsnormPartialsShape(2, N, C);
      const [K, most] = shape;
      const stride = C + 4;
      const before = testNumbers(K * stride, 10);
      const partials = new Float32Array(K * most * C).fill(Number.NaN);
      partials.set(partialSums(dout, inp, rstd, N, C));
      partials.set(
        partialSums(dout, inp, rstd, N, C).map((sum) => 2 * sum),
        most * C,
      );
      const { params, grid } = rmsnormBackwardWeightLaunch(N, shape, stride);
      const actual = await runOnce(gpu, rmsnormBackwardWeight, { partials, dweight: before }, params, grid);
      const dweight = Array.from(before, (value, i) => {
        const gradient = i % stride < C ? expected.dweight[i % stride]! : 0;
        return value + (Math.floor(i / stride) + 1) * gradient;
      });
      return [{ tensor: 'dweight', actual: actual.dweight, expected: dweight, tolerance: F32 }];
    },
  };
}

export const rmsnormCases: readonly KernelCase[] = SHAPES.flatMap(([N, C]) => [
  forwardCase(N, C, 16),
  forwardCase(N, C, 1),
  forwardCase(N, C, 16, 1),
  forwardCase(N, C, 16, 1, 1),
  forwardCase(N, C, 1, 1, 1),
  residualForwardCase(N, C, 16),
  residualForwardCase(N, C, 1),
  residualForwardCase(N, C, 1, 1),
  backwardCase(N, C, 8),
  backwardCase(N, C, 1),
  backwardCase(N, C, 8, 1),
  backwardCase(N, C, 1, 1),
  backwardWeightCase(N, C),
]);
