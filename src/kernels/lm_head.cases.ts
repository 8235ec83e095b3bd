import { runOnce } from '../gpu/run_once';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import { F32 } from './compare';
import {
  logitsBackward,
  logitsBackwardLaunch,
  logitsStats,
  logitsStatsDesigns,
  logitsStatsLaunch,
} from './lm_head';
import { logitsBackwardReference, logitsStatsReference } from './lm_head.reference';

interface Shape {
  R: number;
  V: number;
  row0: number;
  /** Logits lie in [-scale, scale). */
  scale: number;
  /** The model's soft cap of them. */
  cap?: number;
}

// V/4 around the 128 lanes of a row and around the 256 vec4 of a workgroup, V of every remainder modulo 4, primes, and chunks
// that start past row 0. At scale
// 200 all but a few probabilities vanish.
const SHAPES: readonly Shape[] = [
  { R: 0, V: 61, row0: 0, scale: 3 },
  { R: 1, V: 1, row0: 0, scale: 3 },
  { R: 1, V: 2, row0: 3, scale: 3 },
  { R: 2, V: 61, row0: 0, scale: 3 },
  { R: 3, V: 511, row0: 5, scale: 5 },
  { R: 2, V: 512, row0: 0, scale: 5 },
  { R: 4, V: 513, row0: 1, scale: 5 },
  { R: 5, V: 1031, row0: 2, scale: 20 },
  { R: 9, V: 1024, row0: 0, scale: 5 },
  { R: 3, V: 514, row0: 0, scale: 200 },
  { R: 4, V: 513, row0: 1, scale: 40, cap: 30 },
  { R: 2, V: 61, row0: 0, scale: 3, cap: 2 },
];

function inputs({ R, V, row0, scale }: Shape) {
  const ldv = Math.ceil(V / 4) * 4;
  const logits = new Float32Array(R * ldv).fill(Number.NaN); // padding must not be read into anything
  const numbers = testNumbers(R * V, 1, scale);
  for (let r = 0; r < R; r++) logits.set(numbers.subarray(r * V, (r + 1) * V), r * ldv);
  const M = row0 + R;
  const targets = new Uint32Array(M);
  for (let i = 0; i < M; i++) targets[i] = (i * 7919 + V - 1) % V;
  // Row 0 of the chunk asks for its own argmax; row 1 has two equal largest logits and asks for the second.
  const argmax = (r: number): number => {
    const row = logits.subarray(r * ldv, r * ldv + V);
    return row.indexOf(Math.max(...row));
  };
  if (R > 0) targets[row0] = argmax(0);
  if (R > 1 && V > 8) {
    logits[ldv + V - 1] = logits[ldv + argmax(1)]!;
    targets[row0 + 1] = V - 1;
  }
  return { ldv, logits, M, targets, chunkTargets: targets.subarray(row0) };
}

/** Values of the chunk's rows amid rows that belong to other chunks and must stay as they were. */
function within(before: Float32Array, row0: number, rows: Float64Array): Float64Array {
  const all = Float64Array.from(before);
  all.set(rows, row0);
  return all;
}

function statsCase(shape: Shape, constants: { LANES: number; ROWS: number }): KernelCase {
  const { R, V, row0, scale, cap = 0 } = shape;
  return {
    kernel: logitsStats.name,
    direction: 'forward',
    shape: `R=${R} V=${V} row0=${row0} logits to ${scale}${cap ? ` cap=${cap}` : ''} LANES=${constants.LANES}`,
    run: async (gpu) => {
      const { ldv, logits, M, targets, chunkTargets } = inputs(shape);
      const before = testNumbers(M, 2);
      const { params, grid } = logitsStatsLaunch({ R, V, ldv, row0 }, constants.ROWS);
      const operands = { logits, targets, logp: before, entropy: before, lse: before, correct: before };
      const actual = await runOnce(gpu, logitsStats, operands, params, grid, { ...constants, CAP: cap });
      const expected = logitsStatsReference(logits, chunkTargets, R, V, ldv, cap);
      return (['logp', 'entropy', 'lse', 'correct'] as const).map((tensor) => ({
        tensor,
        actual: actual[tensor],
        expected: within(before, row0, expected[tensor]),
        tolerance: F32,
      }));
    },
  };
}

function backwardCase(shape: Shape, LANES: number): KernelCase {
  const { R, V, row0, scale, cap = 0 } = shape;
  return {
    kernel: logitsBackward.name,
    direction: 'backward',
    shape: `R=${R} V=${V} row0=${row0} logits to ${scale}${cap ? ` cap=${cap}` : ''} LANES=${LANES}`,
    run: async (gpu) => {
      const { ldv, logits, M, targets, chunkTargets } = inputs(shape);
      const dlogp = testNumbers(M, 3);
      const dentropy = testNumbers(M, 4);
      const stats = logitsStatsReference(logits, chunkTargets, R, V, ldv, cap);
      const lse = Float32Array.from(within(new Float32Array(M), row0, stats.lse));
      const entropy = Float32Array.from(within(new Float32Array(M), row0, stats.entropy));
      const { params, grid } = logitsBackwardLaunch({ R, V, ldv, row0 });
      const operands = { logits, targets, lse, entropy, dlogp, dentropy };
      const actual = await runOnce(gpu, logitsBackward, operands, params, grid, { LANES, CAP: cap });
      const expected = logitsBackwardReference(
        logits,
        chunkTargets,
        dlogp.subarray(row0),
        dentropy.subarray(row0),
        R,
        V,
        ldv,
        cap,
      );
      const tolerance =
        scale > 100
          ? { atol: 1e-4, rtol: 1e-4, reason: 'f32 logits and lse near 200 are 1.5e-5 apart, and p follows' }
          : F32;
      return [{ tensor: 'dlogits', actual: actual.logits, expected, tolerance }];
    },
  };
}

export const lmHeadCases: readonly KernelCase[] = SHAPES.flatMap((shape) => [
  statsCase(shape, logitsStatsDesigns.hardware),
  statsCase(shape, logitsStatsDesigns.software),
  backwardCase(shape, 64),
  backwardCase(shape, 8),
]);
