import { runOnce } from '../gpu/run_once';
import type { AttentionDesign } from './attention';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import { F32 } from './compare';
import { decodeAttentionKernels, decodeAttentionLaunch, kvAppend, kvAppendLaunch, NO_SLOT } from './decode';
import { decodeAttentionReference, kvAppendReference } from './decode.reference';
import { qkvWidth, type Heads } from './rope';

interface Shape extends Heads {
  S: number;
  Tmax: number;
  /** Slot and position of each row; no slot: skipped. */
  rows: [slot: number | null, position: number][];
}

const SHAPES: Shape[] = [
  { NH: 2, NKV: 1, HS: 8, S: 1, Tmax: 4, rows: [] },
  { NH: 1, NKV: 1, HS: 4, S: 1, Tmax: 1, rows: [[0, 0]] },
  { NH: 4, NKV: 2, HS: 16, S: 3, Tmax: 70, rows: [[2, 62], [null, 3], [0, 63], [1, 64]] }, // prettier-ignore
  { NH: 3, NKV: 3, HS: 20, S: 2, Tmax: 131, rows: [[1, 130], [0, 1]] }, // prettier-ignore
  { NH: 9, NKV: 3, HS: 64, S: 2, Tmax: 33, rows: [[null, 0], [1, 31], [0, 6]] }, // prettier-ignore
  { NH: 2, NKV: 1, HS: 128, S: 1, Tmax: 300, rows: [[0, 256]] },
];

function numbers({ S, Tmax, rows, ...heads }: Shape) {
  const size = S * Tmax * heads.NKV * heads.HS;
  return {
    heads,
    qkv: testNumbers(rows.length * qkvWidth(heads), 1, 2),
    slots: Uint32Array.from(rows, ([slot]) => slot ?? NO_SLOT),
    positions: Uint32Array.from(rows, ([, position]) => position),
    k_cache: testNumbers(size, 2, 2),
    v_cache: testNumbers(size, 3),
  };
}

const name = ({ NH, NKV, HS, Tmax, rows }: Shape): string =>
  `NH=${NH} NKV=${NKV} HS=${HS} Tmax=${Tmax} positions=[${rows.map(([slot, at]) => (slot === null ? '-' : at)).join(' ')}]`;

function appendCase(shape: Shape): KernelCase {
  return {
    kernel: kvAppend.name,
    direction: 'forward',
    shape: name(shape),
    run: async (gpu) => {
      const { heads, ...operands } = numbers(shape);
      const { params, grid } = kvAppendLaunch(shape.rows.length, heads, shape.Tmax);
      const actual = await runOnce(gpu, kvAppend, operands, params, grid);
      const expected = kvAppendReference(operands, operands.k_cache, operands.v_cache, heads, shape.Tmax);
      const tolerance = { atol: 1e-30, rtol: 0, reason: 'a copy' };
      return [
        { tensor: 'k_cache', actual: actual.k_cache, expected: expected.k_cache, tolerance },
        { tensor: 'v_cache', actual: actual.v_cache, expected: expected.v_cache, tolerance },
      ];
    },
  };
}

function attentionCase(design: AttentionDesign, shape: Shape): KernelCase {
  return {
    kernel: decodeAttentionKernels[design].name,
    direction: 'forward',
    shape: name(shape),
    run: async (gpu) => {
      const { heads, ...operands } = numbers(shape);
      const B = shape.rows.length;
      const { params, grid } = decodeAttentionLaunch(design, B, heads, shape.Tmax);
      const inputs = { ...operands, out: B * heads.NH * heads.HS };
      const { out } = await runOnce(gpu, decodeAttentionKernels[design], inputs, params, grid);
      const { k_cache, v_cache } = operands;
      const expected = decodeAttentionReference(operands, k_cache, v_cache, heads, shape.Tmax);
      return [{ tensor: 'out', actual: out, expected, tolerance: F32 }];
    },
  };
}

export const decodeCases: KernelCase[] = [
  ...SHAPES.map(appendCase),
  ...(['tiled', 'direct'] as const).flatMap((design) => SHAPES.map((shape) => attentionCase(design, shape))),
];
