import { runOnce } from '../gpu/run_once';
import {
  ACTIVATIONS,
  activationBackward,
  activationConstants,
  activationForward,
  activationLaunch,
} from './activation';
import { activationBackwardReference, activationForwardReference } from './activation.reference';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import type { Tolerance } from './compare';

const EXACT: Tolerance = { atol: 1e-6, rtol: 1e-6 };

// Elements around the 256 of a workgroup, and 4 times a prime; the last scale takes exp to where f32 has no number for it.
const SHAPES: readonly (readonly [count: number, scale: number])[] = [
  [0, 1],
  [4, 1],
  [8, 3],
  [252, 6],
  [256, 0.01],
  [260, 10],
  [4 * 1021, 5],
  [300, 200],
];

export const activationCases: readonly KernelCase[] = ACTIVATIONS.flatMap((activation) =>
  SHAPES.flatMap(([count, scale]): KernelCase[] => [
    {
      kernel: activationForward.name,
      direction: 'forward',
      shape: `${activation} count=${count} inputs to ${scale}`,
      run: async (gpu) => {
        const inp = testNumbers(count, 1, scale);
        const { params, grid } = activationLaunch({ count });
        const constants = activationConstants(activation);
        const { out } = await runOnce(gpu, activationForward, { inp, out: count }, params, grid, constants);
        const expected = activationForwardReference(inp, activation);
        return [{ tensor: 'out', actual: out, expected, tolerance: EXACT }];
      },
    },
    {
      kernel: activationBackward.name,
      direction: 'backward',
      shape: `${activation} count=${count} inputs to ${scale}`,
      run: async (gpu) => {
        const dout = testNumbers(count, 2);
        const inp = testNumbers(count, 3, scale);
        const { params, grid } = activationLaunch({ count });
        const operands = { dout, inp, dinp: count };
        const constants = activationConstants(activation);
        const { dinp, dout: out } = await runOnce(gpu, activationBackward, operands, params, grid, constants);
        const expected = activationBackwardReference(dout, inp, activation);
        const again = activationForwardReference(inp, activation);
        return [
          { tensor: 'dinp', actual: dinp, expected, tolerance: EXACT },
          { tensor: 'out', actual: out, expected: again, tolerance: EXACT },
        ];
      },
    },
  ]),
);
