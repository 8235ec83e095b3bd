import { runOnce } from '../gpu/run_once';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import { F32 } from './compare';
import { layernormBackward, layernormForward, residualLayernormForward } from './layernorm';
import {
  layernormBackwardReference,
  layernormForwardReference,
  residualLayernormForwardReference,
} from './layernorm.reference';
import {
  rmsnormBackwardLaunch,
  rmsnormBackwardWeight,
  rmsnormBackwardWeightLaunch,
  rmsnormForwardLaunch,
  rmsnormPartialsShape,
} from './rmsnorm';

const EPS = 1e-5;

// Rows around the 4 of a workgroup and the 32 of a block; columns around the 16 lanes of 4, and 4 times a prime.
const SHAPES: readonly (readonly [N: number, C: number])[] = [
  [0, 64],
  [1, 4],
  [2, 60],
  [3, 64],
  [4, 68],
  [5, 244],
  [7, 768],
  [31, 12],
  [32, 16],
  [33, 20],
  [257, 28],
];

/** Rows whose mean is not near 0, so that a difference of squares would show. */
const rowsOf = (N: number, C: number, seed: number): Float32Array =>
  testNumbers(N * C, seed, 2).map((x, i) => x + 3 * (Math.floor(i / C) % 3));

function forwardCase(N: number, C: number, LANES: number): KernelCase {
  return {
    kernel: layernormForward.name,
    direction: 'forward',
    shape: `N=${N} C=${C} LANES=${LANES}`,
    run: async (gpu) => {
      const inp = rowsOf(N, C, 1);
      const weight = testNumbers(2 * C, 2);
      const { params, grid } = rmsnormForwardLaunch({ N, C, eps: EPS });
      const operands = { inp, weight, out: N * C, stats: 2 * N };
      const actual = await runOnce(gpu, layernormForward, operands, params, grid, { LANES });
      const expected = layernormForwardReference(inp, weight, N, C, EPS);
      return [
        { tensor: 'out', actual: actual.out, expected: expected.out, tolerance: F32 },
        { tensor: 'stats', actual: actual.stats, expected: expected.stats, tolerance: F32 },
      ];
    },
  };
}

function residualForwardCase(N: number, C: number, LANES: number): KernelCase {
  return {
    kernel: residualLayernormForward.name,
    direction: 'forward',
    shape: `N=${N} C=${C} LANES=${LANES}`,
    run: async (gpu) => {
      const inp = rowsOf(N, C, 3);
      const branch = testNumbers(N * C, 4);
      const weight = testNumbers(2 * C, 5);
      const { params, grid } = rmsnormForwardLaunch({ N, C, eps: EPS });
      const operands = { inp, branch, weight, sum: N * C, out: N * C, stats: 2 * N };
      const actual = await runOnce(gpu, residualLayernormForward, operands, params, grid, { LANES });
      const expected = residualLayernormForwardReference(inp, branch, weight, N, C, EPS);
      return [
        { tensor: 'sum', actual: actual.sum, expected: expected.sum, tolerance: F32 },
        { tensor: 'out', actual: actual.out, expected: expected.out, tolerance: F32 },
        { tensor: 'stats', actual: actual.stats, expected: expected.stats, tolerance: F32 },
      ];
    },
  };
}

/** What the backward kernels start from, and what they give. */
function backwardInputs(N: number, C: number) {
  const dout = testNumbers(N * C, 6);
  const inp = rowsOf(N, C, 7);
  const weight = testNumbers(2 * C, 8);
  const stats = Float32Array.from(layernormForwardReference(inp, weight, N, C, EPS).stats);
  const expected = layernormBackwardReference(dout, inp, weight, stats, N, C);
  return { dout, inp, weight, stats, expected };
}

/** The gradients of weight and bias, of 32 rows each. */
function partialSums(
  { dout, inp, weight, stats }: ReturnType<typeof backwardInputs>,
  N: number,
  C: number,
): Float64Array {
  const partials = new Float64Array(Math.ceil(N / 32) * 2 * C);
  for (let first = 0; first < N; first += 32) {
    const rows = Math.min(32, N - first);
    const part = (x: Float32Array, width: number) => x.subarray(first * width, (first + rows) * width);
    const { dweight } = layernormBackwardReference(
      part(dout, C),
      part(inp, C),
      weight,
      part(stats, 2),
      rows,
      C,
    );
    partials.set(dweight, (first / 32) * 2 * C);
  }
  return partials;
}

function backwardCase(N: number, C: number, LANES: number): KernelCase {
  return {
    kernel: layernormBackward.name,
    direction: 'backward',
    shape: `N=${N} C=${C} LANES=${LANES}`,
    run: async (gpu) => {
      const inputs = backwardInputs(N, C);
      const { dout, inp, weight, stats, expected } = inputs;
      const before = testNumbers(N * C, 9);
      const partials = partialSums(inputs, N, C);
      const { params, grid } = rmsnormBackwardLaunch({ N, C });
      const operands = { dout, inp, weight, stats, dinp: before, partials: partials.length };
      const actual = await runOnce(gpu, layernormBackward, operands, params, grid, { LANES });
      const dinp = expected.dinp.map((gradient, i) => before[i]! + gradient);
      return [
        { tensor: 'dinp', actual: actual.dinp, expected: dinp, tolerance: F32 },
        { tensor: 'partials', actual: actual.partials, expected: partials, tolerance: F32 },
      ];
    },
  };
}

/** The norms' weights and biases lie a little apart; the second norm of the same rows has twice the gradient. */
function backwardWeightCase(N: number, C: number): KernelCase {
  return {
    kernel: rmsnormBackwardWeight.name,
    direction: 'backward',
    shape: `N=${N} C=${C}, weight and bias`,
    run: async (gpu) => {
      const inputs = backwardInputs(N, C);
      const { dweight } = inputs.expected;
      const shape = rmsnormPartialsShape(2, N, 2 * C);
      const [K, most, width] = shape;
      const stride = width + 4;
      const before = testNumbers(K * stride, 10);
      const partials = new Float32Array(K * most * width).fill(Number.NaN);
      const sums = partialSums(inputs, N, C);
      partials.set(sums);
      partials.set(
        sums.map((sum) => 2 * sum),
        most * width,
      );
      const { params, grid } = rmsnormBackwardWeightLaunch(N, shape, stride);
      const actual = await runOnce(gpu, rmsnormBackwardWeight, { partials, dweight: before }, params, grid);
      const expected = Array.from(before, (value, i) => {
        const gradient = i % stride < width ? dweight[i % stride]! : 0;
        return value + (Math.floor(i / stride) + 1) * gradient;
      });
      return [{ tensor: 'dweight', actual: actual.dweight, expected, tolerance: F32 }];
    },
  };
}

export const layernormCases: readonly KernelCase[] = SHAPES.flatMap(([N, C]) => [
  forwardCase(N, C, 16),
  forwardCase(N, C, 1),
  residualForwardCase(N, C, 16),
  residualForwardCase(N, C, 1),
  backwardCase(N, C, 8),
  backwardCase(N, C, 1),
  backwardWeightCase(N, C),
]);
