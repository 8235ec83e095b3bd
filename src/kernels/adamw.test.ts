import { describe, expect, test } from 'vitest';
import { adamwLaunch, type AdamwStep } from './adamw';
import { adamwCases } from './adamw.cases';
import { adamwReference, type AdamwState } from './adamw.reference';
import { expectClose } from './compare';
import { describeCases } from './testing';

describeCases('adamw', adamwCases);

// Of torch 2.13: AdamW([{[1, -2], weight_decay 0.01}, {[0.5, 3], weight_decay 0}], lr=0.1) in float64.
const TORCH_PARAM = [0.7049810963127292, -1.701984093261654, 0.20768167603483867, 3];

const OPTIONS: AdamwStep = {
  count: 4,
  decay_end: 2,
  step: 1,
  learning_rate: 0.1,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weight_decay: 0.01,
};

describe('adamw reference', () => {
  test('three steps as torch.optim.AdamW takes them', () => {
    let state: AdamwState = {
      param: new Float64Array([1, -2, 0.5, 3]),
      m: new Float64Array(4),
      v: new Float64Array(4),
    };
    // Gradients [0.5, -1, 2, 0] times the step.
    for (let step = 1; step <= 3; step++) {
      const grad = [0.5, -1, 2, 0].map((g) => g * step);
      state = adamwReference(state, grad, 1, { ...OPTIONS, step });
    }
    expectClose('param', state.param, TORCH_PARAM, { atol: 1e-12, rtol: 0 });
  });
});

test('a count that is no multiple of 4, or a step 0, is refused', () => {
  expect(() => adamwLaunch({ ...OPTIONS, count: 6 })).toThrow('multiple of 4');
  expect(() => adamwLaunch({ ...OPTIONS, step: 0 })).toThrow('from 1');
});
