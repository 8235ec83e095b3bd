import { runOnce } from '../gpu/run_once';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import { F32 } from './compare';
import { loraExpand, loraExpandBackward, loraExpandLaunch, type LoraBlock } from './lora';
import { loraExpandBackwardReference, loraExpandReference } from './lora.reference';

// Rows and columns around the 256 values of a workgroup; blocks at the start, in the middle and at the end of a row; a rank
// that is no multiple of 4, and none at all.
const BLOCKS: readonly (LoraBlock & { OUT: number })[] = [
  { OUT: 8, rows: 0, r: 4, width: 8, row0: 0, start: 0, scale: 2 },
  { OUT: 1, rows: 1, r: 1, width: 4, row0: 0, start: 0, scale: 0.5 },
  { OUT: 61, rows: 61, r: 8, width: 8, row0: 0, start: 0, scale: 2 },
  { OUT: 64, rows: 32, r: 4, width: 8, row0: 32, start: 4, scale: 1.5 },
  { OUT: 101, rows: 51, r: 5, width: 16, row0: 13, start: 5, scale: 16 / Math.sqrt(5) },
  { OUT: 300, rows: 255, r: 3, width: 12, row0: 45, start: 6, scale: 0.25 },
];

const name = ({ OUT, rows, r, width, row0, start }: (typeof BLOCKS)[number]): string =>
  `OUT=${OUT} rows=${rows} r=${r} width=${width} row0=${row0} start=${start}`;

export const loraCases: readonly KernelCase[] = BLOCKS.flatMap((shape): KernelCase[] => {
  const { OUT, ...block } = shape;
  const { rows, r, width } = block;
  const { params, grid } = loraExpandLaunch(block);
  return [
    {
      kernel: loraExpand.name,
      direction: 'forward',
      shape: name(shape),
      run: async (gpu) => {
        const [inp, before] = [testNumbers(rows * r, 1), testNumbers(OUT * width, 2)];
        const { out } = await runOnce(gpu, loraExpand, { inp, out: before }, params, grid);
        const expected = loraExpandReference(inp, before, block);
        return [{ tensor: 'out', actual: out, expected, tolerance: F32 }];
      },
    },
    {
      kernel: loraExpandBackward.name,
      direction: 'backward',
      shape: name(shape),
      run: async (gpu) => {
        const [before, gradient] = [testNumbers(rows * r, 3), testNumbers(OUT * width, 4)];
        const operands = { dout: gradient, dinp: before };
        const actual = await runOnce(gpu, loraExpandBackward, operands, params, grid);
        const { dinp, dout } = loraExpandBackwardReference(gradient, block);
        const expected = dinp.map((value, i) => before[i]! + value);
        return [
          { tensor: 'dinp', actual: actual.dinp, expected, tolerance: F32 },
          { tensor: 'dout', actual: actual.dout, expected: dout, tolerance: F32 },
        ];
      },
    },
  ];
});
