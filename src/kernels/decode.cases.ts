import { Arena } from '../gpu/arena';
import { Plan } from '../gpu/plan';
import { runOnce } from '../gpu/run_once';
import { Stream } from '../gpu/stream';
import type { AttentionScores } from './attention';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import { F32 } from './compare';
import {
  addDecodeAttention,
  decodeAttentionKernels,
  decodeAttentionMerge,
  decodePartialsShape,
  kvCopy,
  kvCopyLaunch,
  moveRows,
  moveRowsLaunch,
  NO_SLOT,
  ropeAppend,
  ropeAppendLaunch,
  type DecodeDesign,
} from './decode';
import { decodeAttentionReference, kvCopyReference, ropeAppendReference } from './decode.reference';
import { qkvWidth, ropeTable, type Heads } from './rope';

interface Shape extends Heads {
  S: number;
  Tmax: number;
  /** Slot and position of each row; no slot: skipped. */
  rows: [slot: number | null, position: number][];
  scores?: AttentionScores;
}

const SHAPES: Shape[] = [
  { NH: 2, NKV: 1, HS: 8, S: 1, Tmax: 4, rows: [] },
  { NH: 1, NKV: 1, HS: 4, S: 1, Tmax: 1, rows: [[0, 0]] },
  { NH: 4, NKV: 2, HS: 16, S: 3, Tmax: 70, rows: [[2, 62], [null, 3], [0, 63], [1, 64]] }, // prettier-ignore
  { NH: 3, NKV: 3, HS: 20, S: 2, Tmax: 131, rows: [[1, 130], [0, 1]] }, // prettier-ignore
  { NH: 9, NKV: 3, HS: 64, S: 2, Tmax: 33, rows: [[null, 0], [1, 31], [0, 6]] }, // prettier-ignore
  { NH: 2, NKV: 1, HS: 128, S: 1, Tmax: 300, rows: [[0, 256]] },
  { NH: 2, NKV: 1, HS: 4, S: 1, Tmax: 512, rows: [[0, 511]] },
  { NH: 4, NKV: 1, HS: 256, S: 2, Tmax: 70, rows: [[1, 69], [0, 0]] }, // prettier-ignore
  { NH: 2, NKV: 1, HS: 132, S: 1, Tmax: 20, rows: [[0, 17]] },
  { NH: 4, NKV: 2, HS: 16, S: 2, Tmax: 200, rows: [[1, 199], [0, 8], [null, 3], [1, 9]], scores: { window: 9 } }, // prettier-ignore
  { NH: 2, NKV: 2, HS: 8, S: 1, Tmax: 100, rows: [[0, 99]], scores: { window: 1, scale: 0.7 } },
  { NH: 3, NKV: 1, HS: 64, S: 1, Tmax: 100, rows: [[0, 88]], scores: { softcap: 3, window: 70, scale: 0.3 } },
];

/** Around the ends of chunks of 256 keys, and the longest cache that is attended in one piece. */
const LONG_SHAPES: Shape[] = [
  { NH: 4, NKV: 2, HS: 16, S: 2, Tmax: 513, rows: [[1, 255], [0, 256], [null, 0], [1, 512], [0, 0]] }, // prettier-ignore
  { NH: 3, NKV: 1, HS: 20, S: 1, Tmax: 1024, rows: [[0, 1023], [0, 511]] }, // prettier-ignore
  { NH: 2, NKV: 2, HS: 128, S: 1, Tmax: 700, rows: [[0, 699]] },
  { NH: 4, NKV: 1, HS: 256, S: 1, Tmax: 600, rows: [[0, 599]] },
  // Windows that leave out whole chunks, a part of one, and nothing.
  { NH: 2, NKV: 1, HS: 8, S: 3, Tmax: 1024, rows: [[0, 1023], [1, 300], [2, 256], [null, 7]], scores: { window: 40 } }, // prettier-ignore
  { NH: 2, NKV: 1, HS: 16, S: 1, Tmax: 900, rows: [[0, 899]], scores: { window: 512, softcap: 5 } },
  { NH: 1, NKV: 1, HS: 8, S: 1, Tmax: 520, rows: [[0, 519]], scores: { window: 2000 } },
];

/** What only rope_append is asked: a token for which its slot has no room. */
const PAST_THE_CACHE: Shape = { NH: 2, NKV: 2, HS: 12, S: 2, Tmax: 5, rows: [[1, 4], [0, 5]] }; // prettier-ignore

function numbers({ S, Tmax, rows, scores, ...heads }: Shape) {
  const size = S * Tmax * heads.NKV * heads.HS;
  return {
    heads,
    scores,
    qkv: testNumbers(rows.length * qkvWidth(heads), 1, 2),
    slots: Uint32Array.from(rows, ([slot]) => slot ?? NO_SLOT),
    positions: Uint32Array.from(rows, ([, position]) => position),
    k_cache: testNumbers(size, 2, 2),
    v_cache: testNumbers(size, 3),
  };
}

const name = ({ NH, NKV, HS, Tmax, rows, scores = {} }: Shape): string =>
  `NH=${NH} NKV=${NKV} HS=${HS} Tmax=${Tmax} positions=[${rows.map(([slot, at]) => (slot === null ? '-' : at)).join(' ')}]` +
  Object.entries(scores)
    .map(([option, value]) => ` ${option}=${value}`)
    .join('');

const COPY = { atol: 1e-30, rtol: 0, reason: 'a copy' };

function appendCase(shape: Shape, R = shape.HS): KernelCase {
  return {
    kernel: ropeAppend.name,
    direction: 'forward',
    shape: `${name(shape)} R=${R}`,
    run: async (gpu) => {
      const { heads, qkv, slots, positions, k_cache, v_cache } = numbers(shape);
      const table = R > 0 ? ropeTable(shape.Tmax, R, 10_000) : Float32Array.of(Number.NaN);
      const { params, grid } = ropeAppendLaunch(shape.rows.length, heads, shape.Tmax, R);
      const rows = { qkv, slots, positions };
      const actual = await runOnce(gpu, ropeAppend, { ...rows, k_cache, v_cache, table }, params, grid);
      // A position past the cache is a row left alone; any angle will do for it.
      const expected = ropeAppendReference(rows, table, k_cache, v_cache, heads, shape.Tmax, R);
      return [
        { tensor: 'qkv', actual: actual.qkv, expected: expected.qkv, tolerance: F32 },
        { tensor: 'k_cache', actual: actual.k_cache, expected: expected.k_cache, tolerance: F32 },
        { tensor: 'v_cache', actual: actual.v_cache, expected: expected.v_cache, tolerance: COPY },
      ];
    },
  };
}

function copyCase(NKV: number, HS: number, copies: [from: number, to: number, length: number][]): KernelCase {
  return {
    kernel: kvCopy.name,
    direction: 'forward',
    shape: `NKV=${NKV} HS=${HS} ${copies.map((copy) => copy.join('>')).join(' ')}`,
    run: async (gpu) => {
      const [S, Tmax, heads] = [5, 70, { NH: NKV, NKV, HS }];
      const k_cache = testNumbers(S * Tmax * NKV * HS, 1);
      const v_cache = testNumbers(S * Tmax * NKV * HS, 2);
      const rows = Uint32Array.from(copies.flatMap((copy) => [...copy, 0]));
      const longest = Math.max(0, ...copies.map(([, , length]) => length));
      const { params, grid } = kvCopyLaunch(copies.length, longest, heads, Tmax);
      const actual = await runOnce(gpu, kvCopy, { copies: rows, k_cache, v_cache }, params, grid);
      const expected = kvCopyReference(copies, k_cache, v_cache, heads, Tmax);
      return [
        { tensor: 'k_cache', actual: actual.k_cache, expected: expected.k_cache, tolerance: COPY },
        { tensor: 'v_cache', actual: actual.v_cache, expected: expected.v_cache, tolerance: COPY },
      ];
    },
  };
}

function moveCase(Hmax: number, moves: [from: number, to: number][]): KernelCase {
  const rows = 7;
  return {
    kernel: moveRows.name,
    direction: 'forward',
    shape: `Hmax=${Hmax} ${moves.map((move) => move.join('>')).join(' ')}`,
    run: async (gpu) => {
      const parts = { tokens: 1, positions: 1, slots: 1, state: 4, history: 2 * Hmax };
      const entries = Object.entries(parts).map(
        ([name, width], i) => [name, width, testNumbers(rows * width, i)] as const,
      );
      const operands = Object.fromEntries(entries.map(([name, , data]) => [name, data])) as Record<
        keyof typeof parts,
        Float32Array
      >;
      const { params, grid } = moveRowsLaunch(moves.length, Hmax);
      const actual = await runOnce(
        gpu,
        moveRows,
        { ...operands, moves: Uint32Array.from(moves.flat()) },
        params,
        grid,
      );
      return entries.map(([name, width, data]) => {
        const expected = data.slice();
        for (const [from, to] of moves)
          expected.set(data.slice(from * width, (from + 1) * width), to * width);
        return { tensor: name, actual: actual[name as keyof typeof parts], expected, tolerance: COPY };
      });
    },
  };
}

/** Runs a design through `addDecodeAttention`, with the second dispatch where the cache is long. */
function attentionCase(design: DecodeDesign, shape: Shape, kernel: string): KernelCase {
  return {
    kernel,
    direction: 'forward',
    shape: `${name(shape)}${kernel === decodeAttentionMerge.name ? ` after ${design}` : ''}`,
    run: async (gpu) => {
      const { heads, scores, ...operands } = numbers(shape);
      const B = shape.rows.length;
      const arena = new Arena(kernel, 'separate');
      const tensors = {
        qkv: arena.tensor('qkv', [operands.qkv.length]),
        slots: arena.tensor('slots', [B]),
        positions: arena.tensor('positions', [B]),
        k_cache: arena.tensor('k_cache', [operands.k_cache.length]),
        v_cache: arena.tensor('v_cache', [operands.v_cache.length]),
        partials: arena.tensor('partials', decodePartialsShape(B, heads, shape.Tmax)),
        out: arena.tensor('out', [B * heads.NH * heads.HS]),
      };
      arena.allocate(gpu);
      const stream = new Stream(gpu);
      const plan = new Plan<null>(gpu, kernel);
      try {
        for (const [tensor, data] of Object.entries(operands)) {
          stream.upload(tensors[tensor as keyof typeof operands], data);
        }
        for (const { buffer, bytes } of [tensors.partials, tensors.out]) {
          stream.upload({ buffer, offset: 0, bytes }, new Float32Array(bytes / 4).fill(Number.NaN));
        }
        addDecodeAttention(plan, tensors, heads, shape.Tmax, () => B, scores, design);
        plan.prepare(null);
        const [bytes] = await stream.read(kernel, (pass) => plan.encode(pass), [tensors.out]);
        const actual = new Float32Array(bytes ?? new ArrayBuffer(0));
        const { k_cache, v_cache } = operands;
        const expected = decodeAttentionReference(operands, k_cache, v_cache, heads, shape.Tmax, scores);
        return [{ tensor: 'out', actual, expected, tolerance: F32 }];
      } finally {
        plan.destroy();
        stream.destroy();
        arena.destroy();
      }
    },
  };
}

export const decodeCases: KernelCase[] = [
  ...[...SHAPES, PAST_THE_CACHE].flatMap((shape) => [
    appendCase(shape),
    appendCase(shape, Math.ceil(shape.HS / 16) * 4),
    appendCase(shape, 0),
  ]),
  copyCase(1, 4, [[0, 4, 1]]),
  copyCase(2, 8, [[3, 0, 70], [3, 1, 0], [3, 4, 17]]), // prettier-ignore
  copyCase(3, 64, [[1, 0, 69], [2, 3, 2]]), // prettier-ignore
  moveCase(1, []),
  moveCase(63, [[6, 0]]),
  moveCase(64, [[6, 1], [5, 2]]), // prettier-ignore
  moveCase(131, [[4, 3]]),
  ...(['tiled', 'direct'] as const).flatMap((design) => [
    ...SHAPES.map((shape) => attentionCase(design, shape, decodeAttentionKernels[design].name)),
    ...LONG_SHAPES.map((shape) => attentionCase(design, shape, decodeAttentionMerge.name)),
  ]),
];
