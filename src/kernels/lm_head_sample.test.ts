import { beforeAll, describe, expect, test } from 'vitest';
import { Arena, type Tensor } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { Plan } from '../gpu/plan';
import { Stream } from '../gpu/stream';
import { sharedTestGpu } from '../gpu/testing';
import { testNumbers } from './case_numbers';
import { expectClose } from './compare';
import { addHeadSample, headSampleShape, type HeadSampleDims } from './lm_head_sample';
import { headDesigns, headParts, mostHeadParts, partTokens, vocabularyStep } from './lm_head_parts';
import { lmHeadSampleCases, stepOutcomes } from './lm_head_sample.cases';
import { headStepReference, type HeadSampleInputs } from './lm_head_sample.reference';
import { describeCases } from './testing';
import type { Shard } from './vocabulary';

describeCases('lm_head_sample', lmHeadSampleCases);

describe('parts of a vocabulary', () => {
  test.each([1, 7, 9, 64, 65, 560, 768, 8193, 16_390, 49_152, 151_936])('hold %d tokens, each once', (V) => {
    for (const design of headDesigns) {
      const { width, P } = headParts(design, V);
      const parts = partTokens(design, V);
      expect(parts.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: V }, (_, token) => token));
      expect(P).toBe(parts.length);
      expect(P).toBeLessThanOrEqual(Math.min(256, mostHeadParts(V)));
      const lengths = parts.map((tokens) => tokens.length);
      expect(Math.min(...lengths)).toBeGreaterThan(0);
      expect(Math.max(...lengths)).toBeLessThanOrEqual(width);
    }
  });
});

describe('addHeadSample', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await sharedTestGpu();
  });

  const [V, C, Hmax] = [561, 40, 4];
  const weight = testNumbers(V * C, 5);
  const BASE = { V, C, Hmax, eos: [17], seed: 9, temperature: 1.1 };

  /** Rows `first`, `first` + 1 … of an endless batch, all running, at position 11. */
  function rows(first: number, B: number): HeadSampleInputs {
    const ids = Array.from({ length: B }, (_, b) => first + b);
    return {
      hidden: Float32Array.from(ids.flatMap((id) => [...testNumbers(C, id)])),
      weight,
      tokens: new Uint32Array(B),
      positions: new Uint32Array(B).fill(11),
      slots: Uint32Array.from(ids),
      state: Uint32Array.from(ids.flatMap((id) => [id, 0, Hmax, 0])),
    };
  }

  /** One step through a plan, as generation records it; the vocabulary is cut at these rows. */
  async function step(inputs: HeadSampleInputs, dims: HeadSampleDims, cuts = [0]) {
    const { B } = dims;
    const arena = new Arena('head sample', 'separate');
    const tensors: Record<string, Tensor> = {};
    const add = (name: string, shape: readonly number[]): Tensor =>
      (tensors[name] = arena.tensor(name, shape));
    const buffers = {
      hidden: add('hidden', [B, C]),
      tokens: add('tokens', [B]),
      positions: add('positions', [B]),
      slots: add('slots', [B]),
      state: add('state', [B, 4]),
      history: add('history', [B, Hmax, 2]),
      partials: add('partials', headSampleShape(B, V)),
    };
    const shards = cuts.map((row0, i): Shard => {
      const rows = (cuts[i + 1] ?? V) - row0;
      return { weight: add(`weight ${i}`, [rows, C]), row0, rows };
    });
    arena.allocate(gpu);
    const stream = new Stream(gpu);
    const plan = new Plan<null>(gpu, 'head sample');
    stream.upload(buffers.hidden, Float32Array.from(inputs.hidden));
    for (const { weight, row0, rows } of shards)
      stream.upload(weight, Float32Array.from(inputs.weight).subarray(row0 * C, (row0 + rows) * C));
    for (const name of ['tokens', 'positions', 'slots', 'state'] as const)
      stream.upload(buffers[name], Uint32Array.from(inputs[name]));
    stream.upload(buffers.history, new Uint32Array(B * Hmax * 2).fill(7));
    addHeadSample(plan, gpu, buffers, shards, () => dims);
    plan.prepare(null);
    const names = ['tokens', 'positions', 'slots', 'state', 'history'] as const;
    const read = await stream.read(
      'head',
      (pass) => plan.encode(pass),
      names.map((name) => buffers[name]),
    );
    plan.destroy();
    stream.destroy();
    arena.destroy();
    const [tokens, positions, slots, state, history] = read.map((bytes) => new Float32Array(bytes));
    const none = new Float32Array();
    return {
      tokens: tokens ?? none,
      positions: positions ?? none,
      slots: slots ?? none,
      state: state ?? none,
      history: history ?? none,
    };
  }

  test('is two dispatches that do what head and sample do', async () => {
    for (const temperature of [1.1, 0]) {
      const dims = { ...BASE, B: 13, temperature };
      const inputs = rows(0, 13);
      const outcomes = stepOutcomes(dims, headStepReference(inputs, dims), await step(inputs, dims));
      for (const { tensor, actual, expected, tolerance } of outcomes)
        expectClose(tensor, actual, expected, tolerance);
    }
  });

  test('gives a row the same bits alone and in any batch', async () => {
    const all = await step(rows(0, 37), { ...BASE, B: 37 });
    for (const [first, B] of [
      [0, 1],
      [5, 8],
      [36, 1],
      [20, 17],
    ] as const) {
      // prettier-ignore
      const some = await step(rows(first, B), { ...BASE, B });
      const part = all.history.subarray(first * Hmax * 2, (first + B) * Hmax * 2);
      expect([...new Uint32Array(some.history.buffer)]).toEqual([...new Uint32Array(part.slice().buffer)]);
    }
    expect(new Set(new Uint32Array(all.tokens.buffer)).size).toBeGreaterThan(20);
  });

  test('draws the same bits from a vocabulary in shards', async () => {
    const cut = vocabularyStep(gpu.facts, V);
    expect(cut).toBeLessThan(V);
    for (const [B, temperature] of [
      [1, 1.1],
      [37, 1.1],
      [37, 0],
    ] as const) {
      const dims = { ...BASE, B, temperature };
      const one = await step(rows(0, B), dims);
      const several = await step(rows(0, B), dims, [0, cut]);
      for (const name of ['tokens', 'history'] as const)
        expect([...new Uint32Array(several[name].buffer)]).toEqual([...new Uint32Array(one[name].buffer)]);
      const tokens = [...new Uint32Array(one.tokens.buffer)];
      if (B > 1) expect([tokens.some((t) => t < cut), tokens.some((t) => t >= cut)]).toEqual([true, true]);
    }
  });
});
