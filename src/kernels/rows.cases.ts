import { runOnce } from '../gpu/run_once';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import { F32 } from './compare';
import { gatherRows, gatherRowsLaunch, scatterRows, scatterRowsLaunch } from './rows';
import { gatherRowsReference, scatterRowsReference } from './rows.reference';

/** N rows, every `every`-th gathered: none, all, some; columns around the 64 vec4 of a workgroup. */
const SHAPES: readonly (readonly [N: number, every: number, C: number])[] = [
  [0, 1, 8],
  [5, 9, 4],
  [1, 1, 4],
  [2, 1, 244],
  [63, 2, 4],
  [64, 1, 4],
  [65, 3, 8],
  [131, 5, 20],
];

/** Rows every-1, 2·every-1, … of N. */
const someRows = (N: number, every: number): Uint32Array =>
  Uint32Array.from({ length: Math.floor(N / every) }, (_, m) => (m + 1) * every - 1);

export const rowsCases: readonly KernelCase[] = SHAPES.flatMap(([N, every, C]): KernelCase[] => {
  const rows = someRows(N, every);
  const M = rows.length;
  return [
    {
      kernel: gatherRows.name,
      direction: 'forward',
      shape: `N=${N} M=${M} C=${C}`,
      run: async (gpu) => {
        const inp = testNumbers(N * C, 1);
        const { params, grid } = gatherRowsLaunch({ M, C });
        const { out } = await runOnce(gpu, gatherRows, { inp, rows, out: M * C }, params, grid);
        return [{ tensor: 'out', actual: out, expected: gatherRowsReference(inp, rows, C), tolerance: F32 }];
      },
    },
    {
      kernel: scatterRows.name,
      direction: 'backward',
      shape: `N=${N} M=${M} C=${C}`,
      run: async (gpu) => {
        const dout = testNumbers(M * C, 2);
        const inverse = new Uint32Array(N).fill(0xffff_ffff);
        rows.forEach((row, m) => (inverse[row] = m));
        const { params, grid } = scatterRowsLaunch({ N, C });
        const { dinp } = await runOnce(gpu, scatterRows, { dout, inverse, dinp: N * C }, params, grid);
        const expected = scatterRowsReference(dout, rows, N, C);
        return [{ tensor: 'dinp', actual: dinp, expected, tolerance: F32 }];
      },
    },
  ];
});
