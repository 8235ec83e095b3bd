import { runOnce } from '../gpu/run_once';
import { adamw, adamwLaunch, type AdamwStep } from './adamw';
import { adamwReference } from './adamw.reference';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import { F32 } from './compare';

const HYPERPARAMETERS = { learning_rate: 1e-2, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.1 };

interface Shape {
  count: number;
  decay_end: number;
  step: number;
  clip: number;
}

// Elements around the 1,024 of a workgroup; the weight decay ends at 0, within a vec4, and past the end.
const SHAPES: readonly Shape[] = [
  { count: 0, decay_end: 0, step: 1, clip: 1 },
  { count: 4, decay_end: 4, step: 1, clip: 1 },
  { count: 8, decay_end: 3, step: 2, clip: 0.25 },
  { count: 1020, decay_end: 0, step: 10, clip: 1 },
  { count: 1024, decay_end: 1024, step: 1000, clip: 0.5 },
  { count: 1028, decay_end: 511, step: 1, clip: 1 },
  { count: 4 * 1031, decay_end: 9999, step: 3, clip: 1 },
];

/** Moments as a run has them at this step: zero at the first. */
function inputs({ count, step }: Shape) {
  return {
    param: testNumbers(count, 1),
    grad: testNumbers(count, 2),
    m: step === 1 ? new Float32Array(count) : testNumbers(count, 3, 0.1),
    v: step === 1 ? new Float32Array(count) : testNumbers(count, 4, 0.1).map(Math.abs),
  };
}

function stepCase(shape: Shape): KernelCase {
  const { count, decay_end, step, clip } = shape;
  return {
    kernel: adamw.name,
    direction: 'forward',
    shape: `count=${count} decay_end=${decay_end} step=${step} clip=${clip}`,
    run: async (gpu) => {
      const options: AdamwStep = { ...HYPERPARAMETERS, count, decay_end, step };
      const { param, grad, m, v } = inputs(shape);
      const { params, grid } = adamwLaunch(options);
      const norm = new Float32Array([1, clip, 1, 0]);
      const actual = await runOnce(gpu, adamw, { param, grad, m, v, norm }, params, grid);
      const expected = adamwReference({ param, m, v }, grad, clip, options);
      return [
        { tensor: 'param', actual: actual.param, expected: expected.param, tolerance: F32 },
        { tensor: 'm', actual: actual.m, expected: expected.m, tolerance: F32 },
        { tensor: 'v', actual: actual.v, expected: expected.v, tolerance: F32 },
        { tensor: 'grad', actual: actual.grad, expected: new Float64Array(count), tolerance: F32 },
      ];
    },
  };
}

/** A gradient that is not finite: nothing moves, and the gradient is cleared all the same. */
const skippedCase: KernelCase = {
  kernel: adamw.name,
  direction: 'forward',
  shape: 'count=1028, gradient not finite',
  run: async (gpu) => {
    const shape = { count: 1028, decay_end: 1028, step: 2, clip: 0 };
    const { param, grad, m, v } = inputs(shape);
    grad[5] = Number.NaN;
    grad[1027] = Number.POSITIVE_INFINITY;
    const { params, grid } = adamwLaunch({ ...HYPERPARAMETERS, ...shape });
    const norm = new Float32Array([Number.NaN, 0, 0, 0]);
    const actual = await runOnce(gpu, adamw, { param, grad, m, v, norm }, params, grid);
    const exact = { atol: 1e-30, rtol: 0 };
    return [
      { tensor: 'param', actual: actual.param, expected: param, tolerance: exact },
      { tensor: 'm', actual: actual.m, expected: m, tolerance: exact },
      { tensor: 'v', actual: actual.v, expected: v, tolerance: exact },
      { tensor: 'grad', actual: actual.grad, expected: new Float32Array(1028), tolerance: exact },
    ];
  },
};

export const adamwCases: readonly KernelCase[] = [...SHAPES.map(stepCase), skippedCase];
