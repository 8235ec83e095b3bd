import { beforeAll, describe, expect, test } from 'vitest';
import type { Gpu } from '../gpu/device';
import { sharedTestGpu } from '../gpu/testing';
import { expectClose, expectGradient } from './compare';
import golden from './goldens/objectives.json';
import { OBJECTIVE_CONSTANTS, OBJECTIVE_STATS, ppoClipObjective, sftObjective } from './objectives';
import { objectiveInputs, objectivesCases, PAPER, runObjective } from './objectives.cases';
import {
  klReference,
  objectiveSum,
  ppoClipReference,
  sftReference,
  type PpoCoefficients,
} from './objectives.reference';
import { describeCases } from './testing';

describeCases('objectives', objectivesCases);

describe('objectives references against central differences', () => {
  const M = 33;
  const { logp, entropy, value, constants } = objectiveInputs(M);
  // At a tie max has no derivative: away from it, the first update's tokens move a little.
  const inputs = {
    logp: Float64Array.from(logp, (x) => x + 1e-3),
    entropy: Float64Array.from(entropy),
    value: Float64Array.from(value, (x) => x + 1e-3),
    constants,
  };

  test('sft: dlogp', () => {
    const loss = (x: Float64Array): number => objectiveSum(sftReference({ ...inputs, logp: x }), 0);
    expectGradient('dlogp', loss, inputs.logp, sftReference(inputs).dlogp);
  });

  test.each<[string, PpoCoefficients]>([
    ['as in the paper', PAPER],
    ['with entropy and KL', { ...PAPER, vf_coef: 0.5, entropy_coef: 0.01, kl_loss_coef: 0.1 }],
  ])('ppo_clip %s: dlogp, dentropy, dvalue', (_, coefficients) => {
    const gradients = ppoClipReference(inputs, coefficients);
    for (const name of ['logp', 'entropy', 'value'] as const) {
      const loss = (x: Float64Array): number =>
        objectiveSum(ppoClipReference({ ...inputs, [name]: x }, coefficients), 13);
      expectGradient(`d${name}`, loss, inputs[name], gradients[`d${name}`]);
    }
  });

  test('both clips are met on either side', () => {
    const { stats } = ppoClipReference(inputs, PAPER);
    for (const column of [3, 4]) {
      const clipped = Array.from({ length: M }, (_, i) => stats[i * OBJECTIVE_STATS + column]);
      expect(new Set(clipped)).toEqual(new Set([0, 1]));
    }
  });
});

// Oracle: PyTorch autograd over padded, masked batches, by tools/goldens/objectives.py.
describe(`objectives against PyTorch ${golden.torch}`, () => {
  const TOLERANCE = { atol: 1e-5, rtol: 1e-5 };
  const M = golden.inputs.logp.length;
  const tensor = (values: readonly number[]): Float32Array => Float32Array.from(values);
  const { logp, entropy, value, logp_old, advantage, return: goal, value_old, logp_ref } = golden.inputs;
  const inputs = { logp: tensor(logp), entropy: tensor(entropy), value: tensor(value) };

  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await sharedTestGpu();
  });

  const constantsOf = (columns: readonly (readonly number[])[]): Float32Array => {
    const constants = new Float32Array(M * OBJECTIVE_CONSTANTS);
    columns.forEach((column, c) => column.forEach((x, i) => (constants[i * OBJECTIVE_CONSTANTS + c] = x)));
    return constants;
  };

  describe.each(golden.cases)('$aggregation $coefficients', ({ coefficients, weight, sft, ppo_clip }) => {
    const sum = (stats: Float32Array, column: number): number =>
      objectiveSum({ stats: Float64Array.from(stats) }, column);

    test('sft: loss and gradient, reference and kernel', async () => {
      const constants = constantsOf([weight]);
      const reference = sftReference({ ...inputs, constants });
      const kernel = await runObjective(gpu, sftObjective, { ...inputs, constants }, {}, 0, M);
      expectClose('reference loss', [objectiveSum(reference, 0)], [sft.loss], TOLERANCE);
      expectClose('reference dlogp', reference.dlogp, sft.dlogp, TOLERANCE);
      expectClose('loss', [sum(kernel.stats, 0)], [sft.loss], TOLERANCE);
      expectClose('dlogp', kernel.dlogp, sft.dlogp, TOLERANCE);
    });

    test('ppo_clip: losses and gradients, reference and kernel', async () => {
      const constants = constantsOf([logp_old, advantage, goal, value_old, weight, weight, logp_ref]);
      const losses = [ppo_clip.policy_loss, ppo_clip.value_loss, ppo_clip.loss];
      const reference = ppoClipReference({ ...inputs, constants }, coefficients);
      const kernel = await runObjective(
        gpu,
        ppoClipObjective,
        { ...inputs, constants },
        { ...coefficients },
        0,
        M,
      );
      const columns = [0, 1, 13];
      expectClose(
        'reference losses',
        columns.map((column) => objectiveSum(reference, column)),
        losses,
        TOLERANCE,
      );
      expectClose(
        'losses',
        columns.map((column) => sum(kernel.stats, column)),
        losses,
        TOLERANCE,
      );
      for (const name of ['dlogp', 'dentropy', 'dvalue'] as const) {
        expectClose(`reference ${name}`, reference[name], ppo_clip[name], TOLERANCE);
        expectClose(name, kernel[name], ppo_clip[name], TOLERANCE);
      }
    });
  });

  test('KL estimators', () => {
    const found = logp.map((x, i) => klReference(x, logp_ref[i]!));
    for (const name of ['k1', 'k2', 'k3'] as const) {
      expectClose(
        name,
        found.map((kl) => kl[name]),
        golden.kl[name],
        TOLERANCE,
      );
    }
  });
});
