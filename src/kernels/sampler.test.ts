import { beforeAll, describe, expect, test } from 'vitest';
import type { Gpu } from '../gpu/device';
import { sharedTestGpu } from '../gpu/testing';
import { testNumbers } from './case_numbers';
import { NO_SLOT } from './decode';
import { FINISH, sampleLaunch, type SampleDims } from './sampler';
import { NEAR_TIE, runSample, samplerCases } from './sampler.cases';
import { gumbel, keptTokens, philox, sampleReference, type SampleBuffers } from './sampler.reference';
import { describeCases } from './testing';

describeCases('sample', samplerCases);

const BASE = { eos: [], seed: 5, temperature: 1, top_k: 0, top_p: 1, Hmax: 4 };

/** B running rows with the same logits and ids 0, 1, 2 … */
function sameRows(logits: readonly number[], B: number): SampleBuffers & { ldv: number } {
  const ldv = Math.ceil(logits.length / 4) * 4;
  const padded = [...logits, ...new Array<number>(ldv - logits.length).fill(0)];
  const rows = Array.from({ length: B }, (_, b) => b);
  return {
    ldv,
    logits: rows.flatMap(() => padded),
    tokens: new Uint32Array(B),
    positions: new Uint32Array(B).fill(9),
    slots: Uint32Array.from(rows),
    state: Uint32Array.from(rows.flatMap((b) => [b, 0, 4, 0])),
  };
}

/** Pearson's statistic of draws against probabilities. */
function chiSquare(draws: ArrayLike<number>, probabilities: readonly number[]): number {
  const counts = new Array<number>(probabilities.length).fill(0);
  for (let i = 0; i < draws.length; i++) counts[draws[i] ?? 0] = (counts[draws[i] ?? 0] ?? 0) + 1;
  return probabilities.reduce((sum, p, i) => {
    const expected = p * draws.length;
    return expected === 0 ? sum : sum + ((counts[i] ?? 0) - expected) ** 2 / expected;
  }, 0);
}

function softmax(logits: readonly number[], temperature: number, kept?: readonly boolean[]): number[] {
  const weights = logits.map((x, i) => (kept?.[i] === false ? 0 : Math.exp(x / temperature)));
  const total = weights.reduce((sum, w) => sum + w, 0);
  return weights.map((w) => w / total);
}

describe('the reference', () => {
  test('Philox4x32-10 gives the known answers of Random123 (kat_vectors)', () => {
    const hex = (words: readonly number[]) => words.map((w) => w.toString(16).padStart(8, '0')).join(' ');
    const ones = 0xffffffff;
    expect(hex(philox([0, 0, 0, 0], [0, 0]))).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8');
    expect(hex(philox([ones, ones, ones, ones], [ones, ones]))).toBe('408f276d 41c83b0e a20bc7c6 6d5451fd');
    const digits = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];
    expect(hex(philox(digits, [0xa4093822, 0x299f31d0]))).toBe('d16cfe09 94fdcceb 5001e420 24126ea1');
  });

  test('Gumbel numbers are finite at both ends', () => {
    expect(gumbel(0)).toBeCloseTo(Math.log(2 ** 33), 6);
    expect(gumbel(0xffffffff)).toBeCloseTo(-Math.log(Math.log(2 ** 33)), 6);
  });

  // transformers 4: TopPLogitsWarper drops what is left when the ascending cumulative sum is <= 1 - top_p.
  test.each([0, 0.1, 0.5, 0.75, 0.9, 0.999])(
    'top_p %d keeps what the transformers formula keeps',
    (top_p) => {
      const logits = [...testNumbers(50, 3, 5)];
      const probabilities = softmax(logits, 1);
      const ascending = logits.map((_, i) => i).sort((a, b) => (logits[a] ?? 0) - (logits[b] ?? 0));
      let sum = 0;
      const expected = new Set<number>();
      ascending.forEach((i, rank) => {
        sum += probabilities[i] ?? 0;
        if (sum > 1 - top_p || rank === logits.length - 1) expected.add(i);
      });
      const kept = keptTokens(logits, 1, 0, top_p).flatMap((keep, i) => (keep ? [i] : []));
      expect(kept).toEqual([...expected].sort((a, b) => a - b));
    },
  );

  test('top_k keeps the k largest and their ties', () => {
    expect(keptTokens([1, 3, 2, 3, 2, 0], 1, 3, 1)).toEqual([false, true, true, true, true, false]);
    expect(keptTokens([1, 3, 2], 1, 9, 1)).toEqual([true, true, true]);
  });

  test('more than two EOS ids are refused', () => {
    expect(() => sampleLaunch({ ...BASE, B: 1, V: 4, ldv: 4, eos: [1, 2, 3] })).toThrow(/two/);
  });
});

describe('draws on the GPU', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await sharedTestGpu();
  });

  test('agree with the f64 reference for 40 seeds, near ties aside', async () => {
    let draws = 0;
    let nearTies = 0;
    for (let seed = 0; seed < 40; seed++) {
      const inputs = sameRows([...testNumbers(61, seed, 3)], 32);
      const dims: SampleDims = { ...BASE, seed: seed * 2 ** 33 + 11, B: 32, V: 61, ldv: inputs.ldv };
      const expected = sampleReference(inputs, dims);
      const actual = await runSample(gpu, inputs, dims);
      for (const { row, token, margin } of expected.draws) {
        draws += 1;
        if (margin < NEAR_TIE) nearTies += 1;
        else expect(actual.tokens[row], `seed ${seed} row ${row} margin ${margin}`).toBe(token);
      }
    }
    expect(draws).toBe(1280);
    expect(nearTies).toBeLessThan(5);
  });

  // 99.9 % points of chi-square: 39.25 at 16 degrees of freedom.
  test.each([
    ['plain', 1, 0, 1],
    ['temperature 0.5', 0.5, 0, 1],
    ['top_k 6', 1, 6, 1],
    ['top_p 0.8', 2, 0, 0.8],
  ])('follow softmax: %s', async (_, temperature, top_k, top_p) => {
    const logits = [...testNumbers(17, 8, 2)];
    const inputs = sameRows(logits, 6000);
    const dims: SampleDims = { ...BASE, B: 6000, V: 17, ldv: inputs.ldv, temperature, top_k, top_p };
    const { tokens } = await runSample(gpu, inputs, dims);
    const kept = keptTokens(logits, temperature, top_k, top_p);
    expect([...tokens].every((token) => kept[token])).toBe(true);
    expect(chiSquare(tokens, softmax(logits, temperature, kept))).toBeLessThan(39.25);
  });

  test('are the same in any row of any batch, and differ by sequence and position', async () => {
    const logits = [...testNumbers(257, 4)];
    const inputs = sameRows(logits, 12);
    const dims = { ...BASE, V: 257, ldv: inputs.ldv };
    const all = await runSample(gpu, inputs, { ...dims, B: 12 });
    const one = sameRows(logits, 1);
    const alone = await runSample(gpu, { ...one, state: [7, 0, 4, 0] }, { ...dims, B: 1 });
    expect(alone.tokens[0]).toBe(all.tokens[7]);
    expect(alone.historyLogps[0]).toBe(all.historyLogps[7 * 4]);
    expect(new Set(all.tokens).size).toBeGreaterThan(6);
    const later = await runSample(
      gpu,
      { ...inputs, positions: new Uint32Array(12).fill(10) },
      { ...dims, B: 12 },
    );
    expect([...later.tokens]).not.toEqual([...all.tokens]);
  });

  test('end on EOS, on the limit and with the history, and leave finished rows alone', async () => {
    // Greedy on one peak: row b draws token b.
    const inputs = sameRows([0, 0, 0, 0, 0], 5);
    const logits = [...(inputs.logits as number[])];
    for (let b = 0; b < 5; b++) logits[b * 8 + b] = 5;
    const state = [[0, 0, 9, 0], [1, 0, 9, 0], [2, 2, 3, 0], [3, 3, 9, 0], [4, 1, 1, 2]].flat(); // prettier-ignore
    const slots = [0, 1, 2, 3, NO_SLOT];
    const dims: SampleDims = { ...BASE, B: 5, V: 5, ldv: 8, temperature: 0, eos: [4, 1] };
    const out = await runSample(gpu, { ...inputs, logits, state, slots }, dims);
    const finish = [0, 1, 2, 3, 4].map((b) => out.state[4 * b + 3]);
    expect(finish).toEqual([FINISH.running, FINISH.eos, FINISH.length, FINISH.length, FINISH.length]);
    expect([...out.slots]).toEqual([0, NO_SLOT, NO_SLOT, NO_SLOT, NO_SLOT]);
    expect([...out.tokens]).toEqual([0, 1, 2, 3, 0]);
    expect([...out.positions]).toEqual([10, 10, 10, 10, 9]);
    expect([...out.state.subarray(16)]).toEqual([4, 1, 1, 2]);
    expect(out.historyTokens[1 * 4]).toBe(1);
    expect([...out.historyTokens.subarray(16)]).toEqual([7, 7, 7, 7]);
  });
});
