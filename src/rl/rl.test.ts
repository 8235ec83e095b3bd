/** Against PyTorch float64 (goldens/rl.json, made by tools/goldens/rl.py) and values worked out by hand. */
import { describe, expect, it } from 'vitest';
import golden from './goldens/rl.json';
import { gae } from './gae';
import { AdaptiveKl, klEstimate, tokenRewards, type KlKind } from './kl';
import { learningRate } from './learning_rate';
import { minibatches } from './minibatches';
import { philox4x32, Rng } from './rng';
import { explainedVariance, moments, whiten } from './statistics';
import { tokenWeights } from './weights';

/** Float64 on both sides: only the order of additions differs. */
const ATOL = 1e-10;

function expectAll(actual: Iterable<number>, expected: readonly number[]): void {
  const got = [...actual];
  expect(got).toHaveLength(expected.length);
  for (const [t, value] of got.entries()) expect(Math.abs(value - (expected[t] ?? NaN))).toBeLessThan(ATOL);
}

/** A list over all completion tokens as one array a sequence. */
const split = (all: readonly number[]) =>
  golden.lengths.map((length, i) => all.slice(golden.start[i] ?? 0, (golden.start[i] ?? 0) + length));

describe('kl', () => {
  it.each(['k1', 'k2', 'k3'] as const)('%s is what PyTorch gives', (kind: KlKind) => {
    const actual = golden.logp_old.map((logp, t) => klEstimate(kind, logp, golden.logp_ref[t] ?? NaN));
    expectAll(actual, golden.kl[kind]);
  });

  it('enters the rewards, with the score on the last token', () => {
    const refs = split(golden.logp_ref);
    const rewards = split(golden.logp_old).flatMap((logp, i) => [
      ...tokenRewards({
        kind: 'k1',
        kl_coef: golden.kl_coef,
        logp,
        logpRef: refs[i] ?? [],
        score: golden.scores[i] ?? NaN,
      }).rewards,
    ]);
    expectAll(rewards, golden.rewards);
    const empty = tokenRewards({ kind: 'k1', kl_coef: 1, logp: [], logpRef: [], score: 1 });
    expect(empty.rewards).toHaveLength(0);
  });

  it('controller follows its target', () => {
    const { init, target, horizon, n, observed_kl, coefs } = golden.adaptive_kl;
    const controller = new AdaptiveKl({ init, target, horizon });
    expectAll(
      observed_kl.map((kl) => controller.update(kl, n)),
      coefs,
    );
    expect(new AdaptiveKl().coef).toBe(0.2);
  });
});

describe('gae', () => {
  const values = split(golden.values);
  const rewards = split(golden.rewards);
  it.each(golden.gae)('gamma $gamma lam $lam is what PyTorch gives', ({ gamma, lam, ...expected }) => {
    const all = rewards.map((sequence, i) => gae({ rewards: sequence, values: values[i] ?? [], gamma, lam }));
    expectAll(
      all.flatMap(({ advantages }) => [...advantages]),
      expected.advantages,
    );
    expectAll(
      all.flatMap(({ returns }) => [...returns]),
      expected.returns,
    );
  });

  it('by hand: gamma 1, lam 0.5, two tokens', () => {
    const { advantages, returns } = gae({ rewards: [0, 1], values: [0.5, 0.25], gamma: 1, lam: 0.5 });
    expectAll(advantages, [-0.25 + 0.5 * 0.75, 0.75]);
    expectAll(returns, [0.625, 1]);
    expect(gae({ rewards: [], values: [], gamma: 1, lam: 1 }).returns).toHaveLength(0);
  });
});

describe('whitening', () => {
  const first = golden.gae[0];
  it('is what PyTorch gives, over all tokens', () => {
    const whitened = whiten(split(first?.advantages ?? []));
    expect(whitened.map((sequence) => sequence.length)).toEqual(golden.lengths);
    expectAll(
      whitened.flatMap((sequence) => [...sequence]),
      golden.whiten.output,
    );
    const { mean, variance } = moments(whitened);
    expectAll([mean, variance], [0, golden.whiten.input_var / (golden.whiten.input_var + 1e-8)]);
  });

  it('leaves one token, equal tokens and none finite', () => {
    expect(whiten([[3]])).toEqual([new Float64Array([0])]);
    expect(whiten([[2, 2], [2]])).toEqual([new Float64Array(2), new Float64Array(1)]);
    expect(whiten([])).toEqual([]);
  });

  it('explained variance is what PyTorch gives', () => {
    const actual = explainedVariance(split(first?.returns ?? []), split(golden.values));
    expectAll([actual], [golden.explained_variance]);
    expect(explainedVariance([[1, 1]], [[0, 1]])).toBeNaN();
  });
});

describe('weights', () => {
  const modes = [
    ['token-mean', golden.weights.token_mean],
    ['seq-mean-token-mean', golden.weights.seq_mean_token_mean],
    ['seq-mean-token-sum', golden.weights.seq_mean_token_sum],
  ] as const;
  it.each(modes)('%s', (mode, expected) => {
    const weights = tokenWeights(mode, golden.lengths);
    expectAll(
      golden.lengths.flatMap((length, i) => new Array<number>(length).fill(weights[i] ?? NaN)),
      expected,
    );
  });
});

describe('learning rate', () => {
  it('linear with warm-up is transformers get_linear_schedule_with_warmup', () => {
    // LambdaLR values of transformers for 3 warm-up steps of 10 (ceil(10 · 0.25)), peak 1.
    const rates = Array.from({ length: 11 }, (_, step) => learningRate('linear', step, 10, 0.25, 1));
    expectAll(rates, [0, 1 / 3, 2 / 3, 1, 6 / 7, 5 / 7, 4 / 7, 3 / 7, 2 / 7, 1 / 7, 0]);
    expect(learningRate('linear', 0, 10, 0, 2)).toBe(2);
    expect(learningRate('linear', 0, 1, 1, 2)).toBe(0);
    expect(learningRate('constant', 7, 10, 0.1, 3)).toBe(3);
  });
});

describe('Rng', () => {
  it('is Philox4x32-10: known answers of Random123', () => {
    const hex = (words: number[]) => words.map((word) => word.toString(16).padStart(8, '0')).join(' ');
    expect(hex(philox4x32([0, 0, 0, 0], [0, 0]))).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8');
    const ones = 0xffffffff;
    expect(hex(philox4x32([ones, ones, ones, ones], [ones, ones]))).toBe(
      '408f276d 41c83b0e a20bc7c6 6d5451fd',
    );
    const pi = philox4x32([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]);
    expect(hex(pi)).toBe('d16cfe09 94fdcceb 5001e420 24126ea1');
  });

  it('goes on from its state, and its streams differ', () => {
    const rng = new Rng(7, 1);
    for (let i = 0; i < 5; i++) rng.uniform();
    const again = Rng.fromState(JSON.parse(JSON.stringify(rng.state)) as typeof rng.state);
    const next = [rng.uniform(), rng.uniform()];
    expect([again.uniform(), again.uniform()]).toEqual(next);
    expect(new Rng(7, 2).uniform()).not.toBe(new Rng(7, 1).uniform());
    expect(new Rng(8, 1).uniform()).not.toBe(new Rng(7, 1).uniform());
    expect(new Rng(7 + 2 ** 32, 1).uniform()).not.toBe(new Rng(7, 1).uniform());
  });

  it('is uniform in mean and variance', () => {
    const rng = new Rng(1);
    const { mean, variance } = moments([Float64Array.from({ length: 20_000 }, () => rng.uniform())]);
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.01);
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.002);
  });

  it('shuffles every order about equally often', () => {
    const rng = new Rng(3);
    const seen = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const key = rng.shuffle(['a', 'b', 'c']).join('');
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    expect(seen.size).toBe(6);
    for (const count of seen.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});

describe('minibatches', () => {
  it('cover every index once, the last one smaller', () => {
    const rng = new Rng(5);
    expect(minibatches(5, 2, rng, false)).toEqual([[0, 1], [2, 3], [4]]);
    expect(rng.state.counter).toBe(0);
    const shuffled = minibatches(50, 8, rng, true);
    expect(shuffled.map((group) => group.length)).toEqual([8, 8, 8, 8, 8, 8, 2]);
    expect(shuffled.flat()).not.toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(shuffled.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(minibatches(0, 8, rng, true)).toEqual([]);
  });
});
