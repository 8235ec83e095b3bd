import type { Gpu } from '../gpu/device';
import { runOnce } from '../gpu/run_once';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import { F32 } from './compare';
import { softcapped } from './lm_head.reference';
import { NO_SLOT } from './decode';
import { sample, sampleConstants, sampleLaunch, type SampleDims } from './sampler';
import { keptTokens, sampleReference, type SampleBuffers } from './sampler.reference';

/**
 * How near to a tie f32 and f64 may choose differently: WGSL's log is good to 2^-21, which for the smallest e that takes it
 * (2^-6) is 3e-5 of e.
 */
export const NEAR_TIE = 1e-4;
const EXACT = { atol: 1e-9, rtol: 0, reason: 'whole numbers' };
const MARK = 7;

interface Shape extends SampleDims {
  scale: number;
  /** Threads a row; without it, what this adapter would be given. */
  WG?: number;
  /** Whole logits, so that many are equal. */
  ties?: boolean;
  /** The model's soft cap of its logits. */
  cap?: number;
}

const BASE = { eos: [], seed: 1, temperature: 1, top_k: 0, top_p: 1, Hmax: 5, scale: 4 };
const SHAPES: Shape[] = [
  { ...BASE, B: 0, V: 8, ldv: 8 },
  { ...BASE, B: 3, V: 1, ldv: 4 },
  { ...BASE, B: 17, V: 2, ldv: 4, seed: 2 ** 40 + 3 },
  { ...BASE, B: 24, V: 257, ldv: 260, WG: 8 },
  { ...BASE, B: 24, V: 257, ldv: 260, WG: 64, temperature: 0.7, eos: [3, 256] },
  { ...BASE, B: 5, V: 1021, ldv: 1024, WG: 256, temperature: 1.3 },
  { ...BASE, B: 8, V: 257, ldv: 260, temperature: 0, eos: [0] },
  { ...BASE, B: 8, V: 257, ldv: 260, temperature: 0, ties: true },
  { ...BASE, B: 16, V: 61, ldv: 64, top_k: 5, temperature: 1.5 },
  { ...BASE, B: 16, V: 61, ldv: 64, top_k: 1 },
  { ...BASE, B: 16, V: 61, ldv: 64, top_k: 20, ties: true, temperature: 3 },
  { ...BASE, B: 16, V: 61, ldv: 64, top_p: 0.8, temperature: 1.5 },
  { ...BASE, B: 16, V: 61, ldv: 64, top_p: 0, temperature: 2 },
  { ...BASE, B: 16, V: 257, ldv: 260, top_k: 30, top_p: 0.9, temperature: 2, seed: 77 },
  { ...BASE, B: 16, V: 61, ldv: 64, cap: 3 },
  { ...BASE, B: 16, V: 61, ldv: 64, cap: 5, top_p: 0.8, temperature: 1.5 },
];

/** Rows at many places: fresh, at their limit, at the end of their history; every fifth is finished. */
function numbers({ B, V, ldv, Hmax, scale, ties, seed }: Shape): SampleBuffers {
  const logits = testNumbers(B * ldv, (seed % 1000) + V, scale);
  if (ties) logits.forEach((x, i) => (logits[i] = Math.round(x)));
  for (let b = 0; b < B; b++) logits.fill(1e9, b * ldv + V, (b + 1) * ldv);
  const rows = Array.from({ length: B }, (_, b) => b);
  return {
    logits,
    tokens: Uint32Array.from(rows, (b) => 100 + b),
    positions: Uint32Array.from(rows, (b) => 3 * b),
    slots: Uint32Array.from(rows, (b) => (b % 5 === 4 ? NO_SLOT : b)),
    state: Uint32Array.from(rows.flatMap((b) => [1000 + 7 * b, b % Hmax, 3 + (b % 3), b % 5 === 4 ? 1 : 0])),
  };
}

/** Runs `sample` once; u32 buffers come back as such, history as tokens and log-probabilities. */
export async function runSample(gpu: Gpu, inputs: SampleBuffers, dims: SampleDims, WG?: number, cap = 0) {
  const { params, grid } = sampleLaunch(dims);
  const operands = {
    logits: Float32Array.from(inputs.logits),
    tokens: Uint32Array.from(inputs.tokens),
    positions: Uint32Array.from(inputs.positions),
    slots: Uint32Array.from(inputs.slots),
    state: Uint32Array.from(inputs.state),
    history: new Uint32Array(dims.B * dims.Hmax * 2).fill(MARK),
  };
  const constants = WG ? { WG } : sampleConstants(gpu, dims.V);
  const out = await runOnce(gpu, sample, operands, params, grid, { ...constants, CAP: cap });
  const words = (data: Float32Array): Uint32Array => new Uint32Array(data.buffer);
  return {
    tokens: words(out.tokens),
    positions: words(out.positions),
    slots: words(out.slots),
    state: words(out.state),
    historyTokens: words(out.history).filter((_, i) => i % 2 === 0),
    historyLogps: out.history.filter((_, i) => i % 2 === 1),
  };
}

/** A case whose numbers leave f32 and f64 no room to choose differently. Errors: throws where they do. */
function checkMargins(shape: Shape, inputs: SampleBuffers, margins: number[]): void {
  const { V, ldv, temperature, top_k, top_p } = shape;
  if (temperature === 0) return;
  const near = margins.findIndex((margin) => margin < NEAR_TIE);
  if (near >= 0) throw new Error(`draw ${near} is a near tie (${margins[near]}): choose another seed`);
  for (let b = 0; top_p < 1 && top_p > 0 && b < inputs.slots.length; b++) {
    const row = Array.from({ length: V }, (_, i) => inputs.logits[b * ldv + i] ?? 0);
    const sets = [top_p - 1e-5, top_p + 1e-5].map((p) => keptTokens(row, temperature, top_k, p).join());
    if (sets[0] !== sets[1]) throw new Error(`row ${b} is at the edge of top_p: choose another seed`);
  }
}

function sampleCase(shape: Shape): KernelCase {
  const { B, V, ldv, temperature, top_k, top_p, WG, ties, cap = 0 } = shape;
  return {
    kernel: 'sample',
    direction: 'forward',
    shape:
      `B=${B} V=${V} ldv=${ldv} T=${temperature} top_k=${top_k} top_p=${top_p}` +
      `${WG ? ` WG=${WG}` : ''}${ties ? ' ties' : ''}${cap ? ` cap=${cap}` : ''}`,
    run: async (gpu) => {
      const inputs = numbers(shape);
      const bent = { ...inputs, logits: Array.from(inputs.logits, (z) => softcapped(z, cap)) };
      const expected = sampleReference(bent, shape);
      checkMargins(
        shape,
        bent,
        expected.draws.map(({ margin }) => margin),
      );
      const actual = await runSample(gpu, inputs, shape, WG, cap);
      const history = new Uint32Array(B * shape.Hmax).fill(MARK);
      const places = expected.draws.map(({ row, index }) => row * shape.Hmax + index);
      expected.draws.forEach(({ token }, i) => (history[places[i] ?? 0] = token));
      return [
        { tensor: 'tokens', actual: actual.tokens, expected: expected.tokens, tolerance: EXACT },
        { tensor: 'positions', actual: actual.positions, expected: expected.positions, tolerance: EXACT },
        { tensor: 'slots', actual: actual.slots, expected: expected.slots, tolerance: EXACT },
        { tensor: 'state', actual: actual.state, expected: expected.state, tolerance: EXACT },
        { tensor: 'history tokens', actual: actual.historyTokens, expected: history, tolerance: EXACT },
        {
          tensor: 'history logps',
          actual: places.map((place) => actual.historyLogps[place] ?? Number.NaN),
          expected: expected.draws.map(({ logp }) => logp),
          tolerance: F32,
        },
      ];
    },
  };
}

export const samplerCases: KernelCase[] = SHAPES.map(sampleCase);
