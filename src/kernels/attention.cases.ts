import type { Gpu } from '../gpu/device';
import { runOnce } from '../gpu/run_once';
import {
  attentionConstants,
  attentionKernels,
  attentionLaunch,
  attentionTiles,
  type AttentionDesign,
  type AttentionScores,
} from './attention';
import {
  attentionBackwardReference,
  attentionDeltaReference,
  attentionForwardReference,
} from './attention.reference';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import { F32, type Tolerance } from './compare';
import { qkvWidth, type Heads } from './rope';

interface Shape extends Heads {
  lengths: number[];
  /** Size of q, k and v: large ones make peaked softmax rows. */
  size?: number;
  scores?: AttentionScores;
}

const SHAPES: Shape[] = [
  { NH: 2, NKV: 1, HS: 8, lengths: [] },
  { NH: 1, NKV: 1, HS: 4, lengths: [1] },
  { NH: 4, NKV: 1, HS: 4, lengths: [2, 0, 1, 37] },
  { NH: 2, NKV: 2, HS: 8, lengths: [31, 32, 33] },
  { NH: 4, NKV: 2, HS: 16, lengths: [1, 2, 67, 13] },
  { NH: 4, NKV: 4, HS: 16, lengths: [97], size: 8 },
  { NH: 3, NKV: 1, HS: 20, lengths: [41] },
  { NH: 3, NKV: 1, HS: 64, lengths: [5, 65] },
  { NH: 2, NKV: 1, HS: 80, lengths: [35] },
  { NH: 2, NKV: 1, HS: 128, lengths: [33, 17] },
  // Query heads side by side in a workgroup: four, and eight.
  { NH: 12, NKV: 1, HS: 8, lengths: [41, 3] },
  { NH: 16, NKV: 2, HS: 4, lengths: [19, 35] },
  // More columns than a workgroup of the tiled design takes.
  { NH: 2, NKV: 1, HS: 132, lengths: [35] },
  { NH: 4, NKV: 1, HS: 256, lengths: [3, 33] },
  // Windows of one key, around a tile, longer than a sequence; where query heads lie side by side, too.
  { NH: 2, NKV: 1, HS: 8, lengths: [67, 5], scores: { window: 1 } },
  { NH: 2, NKV: 2, HS: 8, lengths: [97], scores: { window: 7 } },
  { NH: 1, NKV: 1, HS: 20, lengths: [31, 100], scores: { window: 32 } },
  { NH: 1, NKV: 1, HS: 4, lengths: [99], scores: { window: 33 } },
  { NH: 2, NKV: 1, HS: 8, lengths: [66], scores: { window: 200 } },
  { NH: 12, NKV: 1, HS: 8, lengths: [75], scores: { window: 5 } },
  { NH: 16, NKV: 2, HS: 4, lengths: [90], scores: { window: 3 } },
  // Scores of another scale, bent, and everything at once.
  { NH: 2, NKV: 1, HS: 16, lengths: [35], scores: { scale: 0.5 } },
  { NH: 4, NKV: 4, HS: 16, lengths: [97], size: 8, scores: { softcap: 50 } },
  { NH: 4, NKV: 2, HS: 64, lengths: [5, 70], scores: { scale: 0.2, window: 9, softcap: 2 } },
  { NH: 2, NKV: 1, HS: 160, lengths: [70], scores: { scale: 0.1, window: 40, softcap: 3 } },
];

// Sums of up to 97 keys or queries, whose terms and partial sums are larger than the results.
const GRADIENT: Tolerance = { atol: 5e-5, rtol: 5e-5, reason: 'long sums with cancellation: dp - delta' };

function numbers({ lengths, size = 1, scores, ...heads }: Shape) {
  const seqStart = Uint32Array.of(0, ...lengths);
  for (let b = 1; b < seqStart.length; b++) seqStart[b] = (seqStart[b] ?? 0) + (seqStart[b - 1] ?? 0);
  const N = seqStart.at(-1) ?? 0;
  const { NH, HS } = heads;
  const qkv = testNumbers(N * qkvWidth(heads), 1, size);
  const dout = testNumbers(N * NH * HS, 2);
  return { heads, scores, seqStart, N, qkv, dout, ...attentionTiles(seqStart) };
}

const name = ({ NH, NKV, HS, lengths, size, scores = {} }: Shape): string =>
  `NH=${NH} NKV=${NKV} HS=${HS} T=[${lengths.join(' ')}]${size ? ` size=${size}` : ''}` +
  Object.entries(scores)
    .map(([option, value]) => ` ${option}=${value}`)
    .join('');

/** Without subgroups the design that shares through them cannot run: the one that takes its place is looked at instead. */
function runnable(gpu: Gpu, design: AttentionDesign): AttentionDesign {
  return design === 'subgroup' && gpu.facts.subgroupSize === undefined ? 'direct' : design;
}

function forwardCase(wanted: AttentionDesign, shape: Shape): KernelCase {
  return {
    kernel: attentionKernels[wanted].forward.name,
    direction: 'forward',
    shape: name(shape),
    run: async (gpu) => {
      const design = runnable(gpu, wanted);
      const kernel = attentionKernels[design].forward;
      const { heads, scores, seqStart, N, qkv, tiles, count } = numbers(shape);
      const { NH, HS } = heads;
      const { params, grid } = attentionLaunch(design, count, heads, NH, scores);
      const operands = { qkv, tiles, out: N * NH * HS, lse: N * NH };
      const actual = await runOnce(
        gpu,
        kernel,
        operands,
        params,
        grid,
        attentionConstants(design, heads, scores),
      );
      const expected = attentionForwardReference(qkv, seqStart, heads, scores);
      const tolerance = shape.size
        ? { atol: 5e-5, rtol: 5e-5, reason: 'scores near 256: f32 rounding of the exponent' }
        : F32;
      return [
        { tensor: 'out', actual: actual.out, expected: expected.out, tolerance },
        { tensor: 'lse', actual: actual.lse, expected: expected.lse, tolerance },
      ];
    },
  };
}

/** What the backward kernels read of a shape, what they give, and how near. */
function backward(shape: Shape) {
  const { heads, scores, seqStart, N, qkv, dout, tiles, count } = numbers(shape);
  const forward = attentionForwardReference(qkv, seqStart, heads, scores);
  const delta = Float32Array.from(attentionDeltaReference(forward.out, dout, heads));
  const lse = Float32Array.from(forward.lse);
  const out = Float32Array.from(forward.out);
  const gradient = attentionBackwardReference(qkv, seqStart, dout, heads, scores);
  const tolerance = shape.size
    ? { atol: 2e-3, rtol: 1e-3, reason: 'scores near 256: p is good to about 2e-5, times dp and k near 100' }
    : GRADIENT;
  // Each kernel writes its own columns of dqkv, which starts as 0, and leaves the others alone.
  const queries = heads.NH * heads.HS;
  const isQuery = (i: number): boolean => i % qkvWidth(heads) < queries;
  const dq = gradient.map((value, i) => (isQuery(i) ? value : 0));
  const dkv = gradient.map((value, i) => (isQuery(i) ? 0 : value));
  const operands = { qkv, dout, lse, tiles, dqkv: new Float32Array(qkv.length) };
  return { heads, scores, N, count, operands, out, delta, dq, dkv, tolerance };
}

function queriesCase(wanted: AttentionDesign, shape: Shape): KernelCase {
  return {
    kernel: attentionKernels[wanted].dq.name,
    direction: 'backward',
    shape: name(shape),
    run: async (gpu) => {
      const design = runnable(gpu, wanted);
      const kernel = attentionKernels[design].dq;
      const { heads, scores, N, count, operands, out, delta, dq, tolerance } = backward(shape);
      const { params, grid } = attentionLaunch(design, count, heads, heads.NH, scores);
      const constants = attentionConstants(design, heads, scores);
      const all = { ...operands, out, delta: N * heads.NH };
      const actual = await runOnce(gpu, kernel, all, params, grid, constants);
      return [
        { tensor: 'dqkv', actual: actual.dqkv, expected: dq, tolerance },
        { tensor: 'delta', actual: actual.delta, expected: delta, tolerance: F32 },
      ];
    },
  };
}

function keysCase(wanted: AttentionDesign, shape: Shape): KernelCase {
  return {
    kernel: attentionKernels[wanted].dkv.name,
    direction: 'backward',
    shape: name(shape),
    run: async (gpu) => {
      const design = runnable(gpu, wanted);
      const kernel = attentionKernels[design].dkv;
      const { heads, scores, count, operands, delta, dkv, tolerance } = backward(shape);
      const { params, grid } = attentionLaunch(design, count, heads, heads.NKV, scores);
      const constants = attentionConstants(design, heads, scores);
      const actual = await runOnce(gpu, kernel, { ...operands, delta }, params, grid, constants);
      return [{ tensor: 'dqkv', actual: actual.dqkv, expected: dkv, tolerance }];
    },
  };
}

export const attentionCases: KernelCase[] = [
  ...(['direct', 'subgroup', 'tiled'] as const).flatMap((design) =>
    SHAPES.flatMap((shape) => [
      forwardCase(design, shape),
      queriesCase(design, shape),
      keysCase(design, shape),
    ]),
  ),
];
