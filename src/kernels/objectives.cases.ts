import type { Gpu } from '../gpu/device';
import { runOnce } from '../gpu/run_once';
import type { KernelCase, Outcome } from './case';
import { testNumbers } from './case_numbers';
import { F32 } from './compare';
import {
  OBJECTIVE_CONSTANTS,
  OBJECTIVE_STATS,
  ppoClipObjective,
  sftObjective,
  type Objective,
} from './objectives';
import {
  ppoClipReference,
  sftReference,
  type ObjectiveInputs,
  type ObjectiveOutputs,
  type PpoCoefficients,
} from './objectives.reference';

export const PAPER: PpoCoefficients = {
  cliprange: 0.2,
  cliprange_value: 0.2,
  vf_coef: 5,
  entropy_coef: 0,
  kl_loss_coef: 0,
};
const EVERYTHING: PpoCoefficients = { ...PAPER, vf_coef: 0.5, entropy_coef: 0.01, kl_loss_coef: 0.1 };

// Rows around the 64 of a workgroup and chunks that start past row 0.
const SHAPES: readonly (readonly [row0: number, rows: number])[] = [
  [0, 0],
  [0, 1],
  [3, 2],
  [0, 63],
  [64, 64],
  [7, 65],
  [0, 257],
];

interface F32Inputs extends ObjectiveInputs {
  logp: Float32Array;
  entropy: Float32Array;
  value: Float32Array;
  constants: Float32Array;
}

/** M tokens, some within the clip ranges and some outside, every fifth as the first update sees it: ratio exactly 1. */
export function objectiveInputs(M: number): F32Inputs {
  const logp = testNumbers(M, 1, 2).map((x) => x - 2.5);
  const entropy = testNumbers(M, 2).map((x) => x + 1.5);
  const value = testNumbers(M, 3);
  const constants = testNumbers(M * OBJECTIVE_CONSTANTS, 4);
  const near = testNumbers(M * 3, 5, 0.5);
  for (let i = 0; i < M; i++) {
    const at = i * OBJECTIVE_CONSTANTS;
    const ratioIsOne = i % 5 === 0;
    constants[at] = logp[i]! + (ratioIsOne ? 0 : near[i * 3]!);
    constants[at + 3] = value[i]! + (ratioIsOne ? 0 : near[i * 3 + 1]!);
    constants[at + 4] = (1 + constants[at + 4]!) / 20;
    constants[at + 5] = (1 + constants[at + 5]!) / 20;
    constants[at + 6] = logp[i]! + near[i * 3 + 2]!;
  }
  return { logp, entropy, value, constants };
}

/** Runs an objective's kernel on rows row0 … row0 + rows − 1; every other row must stay as it was, 0.5. */
export async function runObjective(
  gpu: Gpu,
  objective: Objective,
  inputs: F32Inputs,
  coefficients: Readonly<Record<string, number>>,
  row0: number,
  rows: number,
): Promise<Record<keyof ObjectiveOutputs, Float32Array>> {
  const M = inputs.logp.length;
  const written = (length: number): Float32Array => new Float32Array(length).fill(0.5);
  const operands = {
    ...inputs,
    dlogp: written(M),
    dentropy: written(M),
    dvalue: written(M),
    stats: written(M * OBJECTIVE_STATS),
  };
  const params = { ...coefficients, row0, rows };
  return runOnce(gpu, objective.kernel, operands, params, objective.grid(rows));
}

function objectiveCase(
  objective: Objective,
  variant: string,
  coefficients: Readonly<Record<string, number>>,
  reference: (inputs: ObjectiveInputs) => ObjectiveOutputs,
  row0: number,
  rows: number,
): KernelCase {
  return {
    kernel: objective.kernel.name,
    direction: 'backward', // value and gradient at once
    shape: `row0=${row0} rows=${rows}${variant}`,
    run: async (gpu) => {
      const M = row0 + rows + 1;
      const inputs = objectiveInputs(M);
      const actual = await runObjective(gpu, objective, inputs, coefficients, row0, rows);
      const expected = reference(inputs);
      return (['dlogp', 'dentropy', 'dvalue', 'stats'] as const).map((tensor): Outcome => {
        const width = tensor === 'stats' ? OBJECTIVE_STATS : 1;
        const within = (i: number): boolean => i >= row0 * width && i < (row0 + rows) * width;
        return {
          tensor,
          actual: actual[tensor],
          expected: expected[tensor].map((x, i) => (within(i) ? x : 0.5)),
          tolerance: F32,
        };
      });
    },
  };
}

export const objectivesCases: readonly KernelCase[] = SHAPES.flatMap(([row0, rows]) => [
  objectiveCase(sftObjective, '', {}, sftReference, row0, rows),
  objectiveCase(ppoClipObjective, '', { ...PAPER }, (x) => ppoClipReference(x, PAPER), row0, rows),
  objectiveCase(
    ppoClipObjective,
    ' with entropy and KL',
    { ...EVERYTHING },
    (x) => ppoClipReference(x, EVERYTHING),
    row0,
    rows,
  ),
]);
