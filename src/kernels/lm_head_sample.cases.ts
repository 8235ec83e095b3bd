import type { Gpu } from '../gpu/device';
import { runOnce } from '../gpu/run_once';
import type { KernelCase, Outcome } from './case';
import { testNumbers } from './case_numbers';
import { F32 } from './compare';
import { NO_SLOT } from './decode';
import {
  designOf,
  headChoices,
  headConfigurationNames,
  headDesign,
  headMergeConstants,
  headParts,
  headStoragesOf,
  partTokens,
  type HeadConfiguration,
  type HeadDesign,
} from './lm_head_parts';
import {
  headSampleKernel,
  headSampleLaunch,
  headSampleMerge,
  headSampleMergeLaunch,
  plainHeadSample,
  type HeadSampleDims,
} from './lm_head_sample';
import { headSampleReference, headStepReference, type HeadSampleInputs } from './lm_head_sample.reference';
import { NEAR_TIE } from './sampler.cases';
import { decodeRows, encodeRows } from './quantize';
import type { VocabularyStorage } from './vocabulary';

const EXACT = { atol: 1e-9, rtol: 0, reason: 'whole numbers' };
const DESIGNS: HeadDesign[] = ['tiled', 'direct'];
const FIELDS = ['m', 's', 'score', 'z'] as const;
const MARK = 7;

interface Shape extends HeadSampleDims {
  /** Whole logits, each token twice, so that every maximum is a tie. */
  ties?: boolean;
  /** How the head is stored; f32 when left out. */
  storage?: VocabularyStorage;
  /** The model's soft cap of its logits. */
  cap?: number;
  /** Where only this design switches. */
  only?: HeadDesign;
  /** Hidden values lie in [-scale, scale), weights in [-1, 1). */
  scale: number;
}

// V below, at and above a block of 8 or 64 tokens, where parts become many and where they become wider; rows around a block of
// 8 or 64; C below and above 16 steps of k.
const BASE = { eos: [], seed: 1, temperature: 1, Hmax: 5, scale: 1 };
const SHAPES: readonly Shape[] = [
  { ...BASE, B: 0, V: 8, C: 4 },
  { ...BASE, B: 1, V: 1, C: 4 },
  { ...BASE, B: 3, V: 7, C: 8, seed: 2 ** 40 + 3 },
  { ...BASE, B: 7, V: 8, C: 16, temperature: 0.7 },
  { ...BASE, B: 8, V: 63, C: 12, eos: [3, 60] },
  { ...BASE, B: 9, V: 64, C: 20, temperature: 0 },
  { ...BASE, B: 17, V: 257, C: 64, temperature: 1.3 },
  { ...BASE, B: 9, V: 258, C: 4, temperature: 0, ties: true, eos: [0] },
  { ...BASE, B: 5, V: 1021, C: 36, scale: 3 },
  { ...BASE, B: 63, V: 130, C: 8 },
  { ...BASE, B: 64, V: 66, C: 8 },
  { ...BASE, B: 65, V: 127, C: 8, temperature: 0.9 },
  { ...BASE, B: 2, V: 8193, C: 4, scale: 2, only: 'direct' },
  { ...BASE, B: 3, V: 16_390, C: 4, only: 'tiled' },
  { ...BASE, B: 5, V: 257, C: 20, scale: 3, cap: 5, temperature: 0.8 },
  { ...BASE, B: 2, V: 8192, C: 4, scale: 100, temperature: 50, seed: 2, only: 'direct' },
];

/** Rows at many places: fresh, at their limit, at the end of their history; every fifth is finished. */
function numbers({ B, V, C, Hmax, scale, seed, ties, storage = 'f32' }: Shape): HeadSampleInputs {
  const hidden = testNumbers(B * C, (seed % 1000) + V, scale);
  const weight = testNumbers(V * C, (seed % 1000) + V + 1);
  if (ties) {
    hidden.forEach((x, i) => (hidden[i] = Math.round(4 * x)));
    weight.forEach((x, i) => (weight[i] = i < (V * C) / 2 ? Math.round(4 * x) : weight[i - (V / 2) * C]!));
  }
  const rows = Array.from({ length: B }, (_, b) => b);
  return {
    hidden,
    weight: decodeRows(storage, encodeRows(storage, weight, C), C),
    tokens: Uint32Array.from(rows, (b) => 100 + b),
    positions: Uint32Array.from(rows, (b) => 3 * b),
    slots: Uint32Array.from(rows, (b) => (b % 5 === 4 ? NO_SLOT : b)),
    state: Uint32Array.from(rows.flatMap((b) => [1000 + 7 * b, b % Hmax, 3 + (b % 3), b % 5 === 4 ? 1 : 0])),
  };
}

const floats = (data: ArrayLike<number>): Float32Array => Float32Array.from(data);
const words = (data: ArrayLike<number>): Uint32Array => Uint32Array.from(data);
const bitsOf = (data: Float32Array): Uint32Array => new Uint32Array(data.buffer);

const describeShape = ({ B, V, C, temperature, ties, scale, cap, storage }: Shape): string =>
  `B=${B} V=${V} C=${C} T=${temperature}${scale === 1 ? '' : ` scale=${scale}`}${ties ? ' ties' : ''}${cap ? ` cap=${cap}` : ''}${storage ? ` ${storage}` : ''}`;

/** A case whose numbers leave f32 and f64 no room to choose differently. Errors: throws where they do. */
function checkMargin(shape: Shape, margin: number): void {
  const least = NEAR_TIE * Math.max(1, shape.scale / 10);
  if (!shape.ties && margin < least) throw new Error(`a near tie (${margin}): choose another seed`);
}

/** What a case runs, once its adapter is known. */
type Choice = (gpu: Gpu) => { kernel: typeof plainHeadSample; configuration: HeadConfiguration };

function partsCase(name: string, choose: Choice, shape: Shape, note = ''): KernelCase {
  return {
    kernel: name,
    direction: 'forward',
    shape: describeShape(shape) + note,
    run: async (gpu) => {
      const { kernel, configuration } = choose(gpu);
      const design = designOf(configuration);
      const { B, V } = shape;
      const inputs = numbers(shape);
      const { P } = headParts(design, V);
      const { rows, margin } = headSampleReference(inputs, shape, partTokens(design, V), shape.cap);
      checkMargin(shape, margin);
      const { params, grid } = headSampleLaunch(configuration, shape);
      const operands = {
        hidden: floats(inputs.hidden),
        weight: encodeRows(shape.storage ?? 'f32', floats(inputs.weight), shape.C),
        positions: words(inputs.positions),
        state: words(inputs.state),
        partials: B * P * 5,
      };
      const { partials } = await runOnce(gpu, kernel, operands, params, grid, { CAP: shape.cap ?? 0 });
      const running = rows.flatMap((row, b) => (row ?? []).map((part, p) => ({ part, at: b * P + p })));
      const tolerance =
        shape.scale > 10
          ? { atol: 1e-4, rtol: 1e-4, reason: 'f32 logits near 200 are 1.5e-5 apart, and s follows' }
          : F32;
      return [
        ...FIELDS.map((field, i): Outcome => ({
          tensor: field,
          actual: running.map(({ at }) => partials[5 * at + i] ?? Number.NaN),
          expected: running.map(({ part }) => part[field]),
          tolerance,
        })),
        {
          tensor: 'token',
          actual: running.map(({ at }) => bitsOf(partials)[5 * at + 4] ?? Number.NaN),
          expected: running.map(({ part }) => part.token),
          tolerance: EXACT,
        },
      ];
    },
  };
}

function mergeCase(design: HeadDesign, shape: Shape): KernelCase {
  return {
    kernel: headSampleMerge.name,
    direction: 'forward',
    shape: `${describeShape(shape)} ${design}`,
    run: async (gpu) => {
      const { B, V, Hmax } = shape;
      const inputs = numbers(shape);
      const { P } = headParts(design, V);
      const { rows } = headSampleReference(inputs, shape, partTokens(design, V), shape.cap);
      const expected = headStepReference(inputs, shape, shape.cap);
      for (const { margin } of expected.draws) checkMargin(shape, margin);
      const partials = new Float32Array(B * P * 5).fill(Number.NaN);
      rows.forEach((row, b) =>
        row?.forEach(({ m, s, score, z, token }, p) => {
          partials.set([m, s, score, z], 5 * (b * P + p));
          bitsOf(partials)[5 * (b * P + p) + 4] = token;
        }),
      );
      const operands = {
        partials,
        tokens: words(inputs.tokens),
        positions: words(inputs.positions),
        slots: words(inputs.slots),
        state: words(inputs.state),
        history: new Uint32Array(B * Hmax * 2).fill(MARK),
      };
      const { params, grid } = headSampleMergeLaunch(design, shape);
      const out = await runOnce(gpu, headSampleMerge, operands, params, grid, headMergeConstants(design));
      return stepOutcomes(shape, expected, out);
    },
  };
}

/** Every buffer a sampling step writes, beside the reference's. */
export function stepOutcomes(
  { B, Hmax }: HeadSampleDims,
  expected: ReturnType<typeof headStepReference>,
  out: Record<'tokens' | 'positions' | 'slots' | 'state' | 'history', Float32Array>,
): Outcome[] {
  const history = new Uint32Array(B * Hmax).fill(MARK);
  const places = expected.draws.map(({ row, index }) => row * Hmax + index);
  expected.draws.forEach(({ token }, i) => (history[places[i]!] = token));
  return [
    ...(['tokens', 'positions', 'slots', 'state'] as const).map((tensor) => ({
      tensor,
      actual: bitsOf(out[tensor]),
      expected: expected[tensor],
      tolerance: EXACT,
    })),
    {
      tensor: 'history tokens',
      actual: bitsOf(out.history).filter((_, i) => i % 2 === 0),
      expected: history,
      tolerance: EXACT,
    },
    {
      tensor: 'history logps',
      actual: places.map((place) => out.history[2 * place + 1] ?? Number.NaN),
      expected: expected.draws.map(({ logp }) => logp),
      tolerance: F32,
    },
  ];
}

const shapesOf = (design: HeadDesign): Shape[] => SHAPES.filter(({ only = design }) => only === design);

const withoutSubgroups = headConfigurationNames.filter((name) => !name.startsWith('shared'));

/** What this adapter runs for few rows, for more and for many. */
const own =
  (index: number): Choice =>
  (gpu) => {
    const choices = headChoices[headDesign(gpu.facts)];
    const { configuration } = choices[Math.min(index, choices.length - 1)] ?? choices[0];
    return { kernel: headSampleKernel(configuration), configuration };
  };

/** Rows of one word and of several groups, a last group in part. */
const STORED_SHAPES = shapesOf('direct').filter(
  ({ V, scale, ties }) => [63, 257, 1021].includes(V) && scale < 10 && !ties,
);

/** Of a stored head, a configuration of each kind. */
const storedCases = headConfigurationNames.flatMap((configuration) =>
  headStoragesOf(configuration).flatMap((storage) => {
    if (storage === 'f32') return [];
    const kernel = headSampleKernel(configuration, storage);
    return STORED_SHAPES.map((shape) =>
      partsCase(kernel.name, () => ({ kernel, configuration }), { ...shape, storage }),
    );
  }),
);

export const lmHeadSampleCases: readonly KernelCase[] = [
  ...shapesOf('tiled').map((shape) =>
    partsCase(plainHeadSample.name, () => ({ kernel: plainHeadSample, configuration: 'tiled_64x64' }), shape),
  ),
  ...withoutSubgroups.flatMap((configuration) => {
    const kernel = headSampleKernel(configuration);
    return shapesOf(designOf(configuration)).map((shape) =>
      partsCase(kernel.name, () => ({ kernel, configuration }), shape),
    );
  }),
  ...storedCases,
  ...[0, 1, 2].flatMap((index) =>
    shapesOf('direct').map((shape) =>
      partsCase(plainHeadSample.name, own(index), shape, `, choice ${index} of this adapter`),
    ),
  ),
  ...DESIGNS.flatMap((design) => shapesOf(design).map((shape) => mergeCase(design, shape))),
];
