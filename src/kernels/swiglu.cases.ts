import { runOnce } from '../gpu/run_once';
import { ACTIVATIONS, activationConstants } from './activation';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import { F32, type Tolerance } from './compare';
import { swigluBackward, swigluForward, swigluLaunch } from './swiglu';
import { swigluBackwardReference, swigluForwardReference } from './swiglu.reference';

// N·F/4 around the 64 threads of a workgroup, and a prime; the last scale takes exp to where f32 has no number for it.
const SHAPES: readonly (readonly [N: number, F: number, scale: number])[] = [
  [0, 16, 1],
  [1, 4, 1],
  [2, 8, 3],
  [1, 252, 3],
  [2, 128, 3],
  [1, 260, 3],
  [7, 244, 3],
  [3, 100, 200],
];

/** gelu's share of a gate is within 1e-7; a gate that is not yet all let through, up to 6, and up multiply that. */
const again = (scale: number): Tolerance => ({ atol: Math.max(F32.atol, 6e-7 * scale), rtol: F32.rtol });

const CASES = ACTIVATIONS.flatMap((activation) => SHAPES.map((shape) => [...shape, activation] as const));

export const swigluCases: readonly KernelCase[] = CASES.flatMap(([N, F, scale, activation]): KernelCase[] => [
  {
    kernel: swigluForward.name,
    direction: 'forward',
    shape: `${activation} N=${N} F=${F} inputs to ${scale}`,
    run: async (gpu) => {
      const gateUp = testNumbers(N * 2 * F, 1, scale);
      const { params, grid } = swigluLaunch({ N, F });
      const { out } = await runOnce(
        gpu,
        swigluForward,
        { gate_up: gateUp, out: N * F },
        params,
        grid,
        activationConstants(activation),
      );
      const expected = swigluForwardReference(gateUp, N, F, activation);
      return [{ tensor: 'out', actual: out, expected, tolerance: F32 }];
    },
  },
  {
    kernel: swigluBackward.name,
    direction: 'backward',
    shape: `${activation} N=${N} F=${F} inputs to ${scale}`,
    run: async (gpu) => {
      const dout = testNumbers(N * F, 2);
      const gateUp = testNumbers(N * 2 * F, 3, scale);
      const { params, grid } = swigluLaunch({ N, F });
      const operands = { dout, gate_up: gateUp, dgate_up: N * 2 * F };
      const { dgate_up, dout: made } = await runOnce(
        gpu,
        swigluBackward,
        operands,
        params,
        grid,
        activationConstants(activation),
      );
      const expected = swigluBackwardReference(dout, gateUp, N, F, activation);
      const out = swigluForwardReference(gateUp, N, F, activation);
      return [
        { tensor: 'dgate_up', actual: dgate_up, expected, tolerance: F32 },
        { tensor: 'out', actual: made, expected: out, tolerance: again(scale) },
      ];
    },
  },
]);
