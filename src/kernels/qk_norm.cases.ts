import { runOnce } from '../gpu/run_once';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import { F32 } from './compare';
import {
  qkNormBackward,
  qkNormBackwardLaunch,
  qkNormBackwardWeightLaunch,
  qkNormForward,
  qkNormForwardLaunch,
  qkNormPartialsShape,
} from './qk_norm';
import { qkNormBackwardReference, qkNormForwardReference } from './qk_norm.reference';
import { rmsnormBackwardWeight } from './rmsnorm';
import { qkvWidth, type Heads } from './rope';

const EPS = 1e-6;

interface Shape extends Heads {
  N: number;
  offset?: number;
}

// Heads around the 8 of a workgroup, tokens around the 32 of a block, columns around 8 lanes of 4.
const SHAPES: readonly Shape[] = [
  { N: 0, NH: 2, NKV: 1, HS: 8 },
  { N: 1, NH: 1, NKV: 1, HS: 4 },
  { N: 2, NH: 4, NKV: 2, HS: 28, offset: 1 },
  { N: 3, NH: 2, NKV: 2, HS: 32 },
  { N: 31, NH: 3, NKV: 1, HS: 36 },
  { N: 32, NH: 2, NKV: 1, HS: 16, offset: 1 },
  { N: 33, NH: 4, NKV: 1, HS: 256, offset: 1 },
  { N: 67, NH: 6, NKV: 3, HS: 20 },
];

const name = ({ N, NH, NKV, HS, offset = 0 }: Shape, LANES?: number): string =>
  `N=${N} NH=${NH} NKV=${NKV} HS=${HS} offset=${offset}${LANES ? ` LANES=${LANES}` : ''}`;

function forwardCase(shape: Shape, LANES: number): KernelCase {
  return {
    kernel: qkNormForward.name,
    direction: 'forward',
    shape: name(shape, LANES),
    run: async (gpu) => {
      const { N, offset, ...heads } = shape;
      const count = N * qkvWidth(heads);
      const inp = testNumbers(count, 1, 2);
      const weight = testNumbers(2 * heads.HS, 2);
      const { params, grid } = qkNormForwardLaunch(N, heads, { eps: EPS, offset });
      const operands = { inp, weight, out: count, rstd: N * (heads.NH + heads.NKV) };
      const actual = await runOnce(gpu, qkNormForward, operands, params, grid, { LANES });
      const expected = qkNormForwardReference(inp, weight, N, heads, EPS, offset);
      return [
        { tensor: 'out', actual: actual.out, expected: expected.out, tolerance: F32 },
        { tensor: 'rstd', actual: actual.rstd, expected: expected.rstd, tolerance: F32 },
      ];
    },
  };
}

/** What the backward kernels start from, and what they give. */
function backwardInputs({ N, offset, ...heads }: Shape) {
  const count = N * qkvWidth(heads);
  const dout = testNumbers(count, 3);
  const inp = testNumbers(count, 4, 2);
  const weight = testNumbers(2 * heads.HS, 5);
  const rstd = Float32Array.from(qkNormForwardReference(inp, weight, N, heads, EPS, offset).rstd);
  const expected = qkNormBackwardReference(dout, inp, weight, rstd, N, heads, offset);
  return { heads, dout, inp, weight, rstd, expected };
}

/** Gradients of the weights, of 32 tokens and one kv head each: those of its heads alone. */
function partialSums(shape: Shape): Float64Array {
  const { N, offset } = shape;
  const { heads, dout, inp, weight, rstd } = backwardInputs(shape);
  const { NH, NKV, HS } = heads;
  const rows = Array.from({ length: Math.ceil(N / 32) * NKV }, (_, row) => {
    const only = dout.map((d, i) => {
      const token = Math.floor(i / qkvWidth(heads));
      const head = Math.floor((i % qkvWidth(heads)) / HS);
      const kvHead = head < NH ? Math.floor(head / (NH / NKV)) : head - NH;
      return Math.floor(token / 32) * NKV + kvHead === row ? d : 0;
    });
    return [...qkNormBackwardReference(only, inp, weight, rstd, N, heads, offset).dweight];
  });
  return Float64Array.from(rows.flat());
}

function backwardCase(shape: Shape, LANES: number): KernelCase {
  return {
    kernel: qkNormBackward.name,
    direction: 'backward',
    shape: name(shape, LANES),
    run: async (gpu) => {
      const { heads, dout, inp, weight, rstd, expected } = backwardInputs(shape);
      const partials = partialSums(shape);
      const { params, grid } = qkNormBackwardLaunch(shape.N, heads, shape.offset);
      const operands = { inp, weight, rstd, dqkv: dout, partials: partials.length };
      const actual = await runOnce(gpu, qkNormBackward, operands, params, grid, { LANES });
      return [
        { tensor: 'dqkv', actual: actual.dqkv, expected: expected.dqkv, tolerance: F32 },
        { tensor: 'partials', actual: actual.partials, expected: partials, tolerance: F32 },
      ];
    },
  };
}

/** Two layers' weights, the second's gradient three times the first's. */
function backwardWeightCase(shape: Shape): KernelCase {
  return {
    kernel: rmsnormBackwardWeight.name,
    direction: 'backward',
    shape: `${name(shape)}, of queries and keys`,
    run: async (gpu) => {
      const { heads, expected } = backwardInputs(shape);
      const room = qkNormPartialsShape(2, shape.N, heads);
      const [L, most, width] = room;
      const sums = partialSums(shape);
      const partials = new Float32Array(L * most * width).fill(Number.NaN);
      partials.set(sums);
      partials.set(
        sums.map((sum) => 3 * sum),
        most * width,
      );
      const before = testNumbers(L * width, 6);
      const { params, grid } = qkNormBackwardWeightLaunch(shape.N, heads, room, width);
      const actual = await runOnce(gpu, rmsnormBackwardWeight, { partials, dweight: before }, params, grid);
      const dweight = before.map(
        (value, i) => value + (i < width ? 1 : 3) * (expected.dweight[i % width] ?? 0),
      );
      return [{ tensor: 'dweight', actual: actual.dweight, expected: dweight, tolerance: F32 }];
    },
  };
}

export const qkNormCases: readonly KernelCase[] = SHAPES.flatMap((shape) => [
  forwardCase(shape, 8),
  forwardCase(shape, 1),
  backwardCase(shape, 8),
  backwardCase(shape, 1),
  backwardWeightCase(shape),
]);
