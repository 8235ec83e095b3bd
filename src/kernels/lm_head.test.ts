import { describe, expect, test } from 'vitest';
import { testNumbers } from './case_numbers';
import { expectGradient } from './compare';
import { lmHeadCases } from './lm_head.cases';
import { logitsBackwardReference, logitsStatsReference } from './lm_head.reference';
import { describeCases } from './testing';

describeCases('lm_head', lmHeadCases);

describe('lm_head reference', () => {
  const [R, V, ldv] = [3, 7, 8];
  const targets = [2, 6, 0];

  test.each([0, 2])('gradient against central differences, cap %i', (cap) => {
    const logits = Float64Array.from(testNumbers(R * ldv, 1, 3));
    const dlogp = testNumbers(R, 2);
    const dentropy = testNumbers(R, 3);
    const loss = (z: Float64Array): number => {
      const { logp, entropy } = logitsStatsReference(z, targets, R, V, ldv, cap);
      return targets.reduce((sum, _, r) => sum + dlogp[r]! * logp[r]! + dentropy[r]! * entropy[r]!, 0);
    };
    const gradient = logitsBackwardReference(logits, targets, dlogp, dentropy, R, V, ldv, cap);
    expectGradient('dlogits', loss, logits, gradient);
  });

  test('equal logits: log-prob -log V, entropy log V, the first word is the argmax', () => {
    const { logp, entropy, correct } = logitsStatsReference(new Float64Array(R * ldv), targets, R, V, ldv);
    for (const x of logp) expect(x).toBeCloseTo(-Math.log(V), 12);
    for (const x of entropy) expect(x).toBeCloseTo(Math.log(V), 12);
    expect([...correct]).toEqual([0, 0, 1]);
  });
});
