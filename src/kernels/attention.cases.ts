import { runOnce } from '../gpu/run_once';
import {
  attentionBackwardDelta,
  attentionConstants,
  attentionDeltaLaunch,
  attentionKernels,
  attentionLaunch,
  attentionTiles,
  type AttentionDesign,
} from './attention';
import { attentionBackwardReference, attentionForwardReference } from './attention.reference';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import { F32, type Tolerance } from './compare';
import { qkvWidth, type Heads } from './rope';

interface Shape extends Heads {
  lengths: number[];
  /** Size of q, k and v: large ones make peaked softmax rows. */
  scale?: number;
}

const SHAPES: Shape[] = [
  { NH: 2, NKV: 1, HS: 8, lengths: [] },
  { NH: 1, NKV: 1, HS: 4, lengths: [1] },
  { NH: 4, NKV: 1, HS: 4, lengths: [2, 0, 1, 37] },
  { NH: 2, NKV: 2, HS: 8, lengths: [31, 32, 33] },
  { NH: 4, NKV: 2, HS: 16, lengths: [1, 2, 67, 13] },
  { NH: 4, NKV: 4, HS: 16, lengths: [97], scale: 8 },
  { NH: 3, NKV: 1, HS: 20, lengths: [41] },
  { NH: 3, NKV: 1, HS: 64, lengths: [5, 65] },
  { NH: 2, NKV: 1, HS: 80, lengths: [35] },
  { NH: 2, NKV: 1, HS: 128, lengths: [33, 17] },
];

// Sums of up to 97 keys or queries, whose terms and partial sums are larger than the results.
const GRADIENT: Tolerance = { atol: 5e-5, rtol: 5e-5, reason: 'long sums with cancellation: dp - delta' };

function numbers({ lengths, scale = 1, ...heads }: Shape) {
  const seqStart = Uint32Array.of(0, ...lengths);
  for (let b = 1; b < seqStart.length; b++) seqStart[b] = (seqStart[b] ?? 0) + (seqStart[b - 1] ?? 0);
  const N = seqStart.at(-1) ?? 0;
  const { NH, HS } = heads;
  const qkv = testNumbers(N * qkvWidth(heads), 1, scale);
  const dout = testNumbers(N * NH * HS, 2);
  return { heads, seqStart, N, qkv, dout, ...attentionTiles(seqStart) };
}

const name = ({ NH, NKV, HS, lengths, scale }: Shape): string =>
  `NH=${NH} NKV=${NKV} HS=${HS} T=[${lengths.join(' ')}]${scale ? ` scale=${scale}` : ''}`;

function forwardCase(design: AttentionDesign, shape: Shape): KernelCase {
  return {
    kernel: 'attention',
    direction: 'forward',
    shape: `${design} ${name(shape)}`,
    run: async (gpu) => {
      const { heads, seqStart, N, qkv, tiles, count } = numbers(shape);
      const { NH, HS } = heads;
      const { params, grid } = attentionLaunch(design, count, heads, NH);
      const operands = { qkv, tiles, out: N * NH * HS, lse: N * NH };
      const kernel = attentionKernels[design].forward;
      const actual = await runOnce(gpu, kernel, operands, params, grid, attentionConstants(design, heads));
      const expected = attentionForwardReference(qkv, seqStart, heads);
      const tolerance = shape.scale
        ? { atol: 5e-5, rtol: 5e-5, reason: 'scores near 256: f32 rounding of the exponent' }
        : F32;
      return [
        { tensor: 'out', actual: actual.out, expected: expected.out, tolerance },
        { tensor: 'lse', actual: actual.lse, expected: expected.lse, tolerance },
      ];
    },
  };
}

function backwardCase(design: AttentionDesign, shape: Shape): KernelCase {
  return {
    kernel: 'attention',
    direction: 'backward',
    shape: `${design} ${name(shape)}`,
    run: async (gpu) => {
      const { heads, seqStart, N, qkv, dout, tiles, count } = numbers(shape);
      const forward = attentionForwardReference(qkv, seqStart, heads);
      const out = Float32Array.from(forward.out);
      const lse = Float32Array.from(forward.lse);
      const constants = attentionConstants(design, heads);

      const deltas = attentionDeltaLaunch(N, heads);
      const operands = { out, dout, delta: N * heads.NH };
      const { delta } = await runOnce(gpu, attentionBackwardDelta, operands, deltas.params, deltas.grid);

      const inputs = { qkv, dout, lse, delta, tiles, dqkv: qkv.length };
      const dq = attentionLaunch(design, count, heads, heads.NH);
      const dkv = attentionLaunch(design, count, heads, heads.NKV);
      const first = await runOnce(gpu, attentionKernels[design].dq, inputs, dq.params, dq.grid, constants);
      const both = { ...inputs, dqkv: first.dqkv };
      const actual = await runOnce(gpu, attentionKernels[design].dkv, both, dkv.params, dkv.grid, constants);

      const expected = attentionBackwardReference(qkv, seqStart, dout, heads);
      const tolerance = shape.scale
        ? {
            atol: 2e-3,
            rtol: 1e-3,
            reason: 'scores near 256: p is good to about 2e-5, times dp and k near 100',
          }
        : GRADIENT;
      return [{ tensor: 'dqkv', actual: actual.dqkv, expected, tolerance }];
    },
  };
}

const DESIGNS = Object.keys(attentionKernels) as AttentionDesign[];

export const attentionCases: KernelCase[] = [forwardCase, backwardCase].flatMap((make) =>
  DESIGNS.flatMap((design) => SHAPES.map((shape) => make(design, shape))),
);
