import type { Gpu } from '../gpu/device';
import { runOnce } from '../gpu/run_once';
import type { KernelCase, Outcome } from './case';
import { testNumbers } from './case_numbers';
import { F32 } from './compare';
import { logitsStatsReference, softcapped } from './lm_head.reference';
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
import { headLogits } from './lm_head_sample.reference';
import {
  headScoreKernel,
  headScoreLaunch,
  headScoreMerge,
  headScoreMergeLaunch,
  plainHeadScore,
  type HeadScoreDims,
} from './lm_head_score';
import { decodeRows, encodeRows } from './quantize';
import type { VocabularyStorage } from './vocabulary';
import { headScoreReference } from './lm_head_score.reference';

const EXACT = { atol: 1e-9, rtol: 0, reason: 'whole numbers' };
const DESIGNS: HeadDesign[] = ['tiled', 'direct'];
const FIELDS = ['m', 's', 't'] as const;

interface Shape extends HeadScoreDims {
  /** Hidden values lie in [-scale, scale), weights in [-1, 1). */
  scale: number;
  /** Where only this design switches. */
  only?: HeadDesign;
  /** Whole logits, each token twice, so that every maximum is a tie. */
  ties?: boolean;
  /** How the head is stored; f32 when left out. */
  storage?: VocabularyStorage;
  /** The model's soft cap of its logits. */
  cap?: number;
}

// V below, at and above a block of 8 or 64 tokens, where parts become many and where they become wider; rows around a block of
// 8 or 64; C below and above 16 steps of k. At scale 60 most probabilities vanish.
const SHAPES: readonly Shape[] = [
  { M: 0, V: 8, C: 4, scale: 1 },
  { M: 1, V: 1, C: 4, scale: 1 },
  { M: 3, V: 7, C: 8, scale: 1 },
  { M: 7, V: 8, C: 16, scale: 2 },
  { M: 8, V: 63, C: 12, scale: 1 },
  { M: 9, V: 64, C: 20, scale: 1 },
  { M: 17, V: 257, C: 64, scale: 1 },
  { M: 9, V: 258, C: 4, scale: 1, ties: true },
  { M: 5, V: 1021, C: 36, scale: 3 },
  { M: 63, V: 130, C: 8, scale: 1 },
  { M: 64, V: 66, C: 8, scale: 1 },
  { M: 65, V: 127, C: 8, scale: 1 },
  { M: 2, V: 8193, C: 4, scale: 2, only: 'direct' },
  { M: 3, V: 16_390, C: 4, scale: 1, only: 'tiled' },
  { M: 5, V: 514, C: 12, scale: 60 },
  { M: 5, V: 257, C: 20, scale: 3, cap: 5 },
];

function numbers({ M, V, C, scale, ties, storage = 'f32', cap = 0 }: Shape) {
  const hidden = testNumbers(M * C, V, scale);
  const weight = testNumbers(V * C, V + 1);
  if (ties) {
    hidden.forEach((x, i) => (hidden[i] = Math.round(4 * x)));
    weight.forEach((x, i) => (weight[i] = i < (V * C) / 2 ? Math.round(4 * x) : weight[i - (V / 2) * C]!));
  }
  const stored = encodeRows(storage, weight, C);
  const logits = headLogits(hidden, decodeRows(storage, stored, C), M, V, C).map((z) => softcapped(z, cap));
  // Every other row asks for its argmax; of two equal ones for the first, then for the second.
  const targets = new Uint32Array(M);
  for (let m = 0; m < M; m++) {
    const row = logits.subarray(m * V, (m + 1) * V);
    const largest = Math.max(...row);
    if (ties) targets[m] = m % 2 === 0 ? row.indexOf(largest) : row.lastIndexOf(largest);
    else targets[m] = m % 2 === 0 ? row.indexOf(largest) : (m * 7919 + V - 1) % V;
  }
  return { hidden, weight: stored, targets, logits };
}

const shapeOf = ({ M, V, C, scale, ties, cap, storage }: Shape): string =>
  `M=${M} V=${V} C=${C}${scale === 1 ? '' : ` scale=${scale}`}${ties ? ' ties' : ''}${cap ? ` cap=${cap}` : ''}${storage ? ` ${storage}` : ''}`;

const toleranceOf = ({ scale }: Shape) =>
  scale > 10
    ? { atol: 1e-4, rtol: 1e-4, reason: 'f32 logits near 200 are 1.5e-5 apart, and the sums follow' }
    : F32;

/** What a case runs, once its adapter is known. */
type Choice = (gpu: Gpu) => { kernel: typeof plainHeadScore; configuration: HeadConfiguration };

function partsCase(name: string, choose: Choice, shape: Shape, note = ''): KernelCase {
  return {
    kernel: name,
    direction: 'forward',
    shape: shapeOf(shape) + note,
    run: async (gpu) => {
      const { kernel, configuration } = choose(gpu);
      const design = designOf(configuration);
      const { M, V } = shape;
      const { hidden, weight, targets, logits } = numbers(shape);
      const { P } = headParts(design, V);
      const expected = headScoreReference(logits, M, V, partTokens(design, V));
      const { params, grid } = headScoreLaunch(configuration, shape);
      const operands = { hidden, weight, targets, partials: M * P * 4, logp: M };
      const { partials, logp } = await runOnce(gpu, kernel, operands, params, grid, { CAP: shape.cap ?? 0 });
      const tolerance = toleranceOf(shape);
      return [
        ...FIELDS.map((field, i): Outcome => ({
          tensor: field,
          actual: partials.filter((_, at) => at % 4 === i),
          expected: expected.map((part) => part[field]),
          tolerance,
        })),
        {
          tensor: 'argmax',
          actual: new Uint32Array(partials.buffer).filter((_, at) => at % 4 === 3),
          expected: expected.map(({ argmax }) => argmax),
          tolerance: EXACT,
        },
        {
          tensor: "target's z",
          actual: logp,
          expected: [...targets].map((target, m) => logits[m * V + target]!),
          tolerance,
        },
      ];
    },
  };
}

function mergeCase(design: HeadDesign, shape: Shape): KernelCase {
  return {
    kernel: headScoreMerge.name,
    direction: 'forward',
    shape: `${shapeOf(shape)} ${design}`,
    run: async (gpu) => {
      const { M, V } = shape;
      const { targets, logits } = numbers(shape);
      const { P } = headParts(design, V);
      const partials = new Float32Array(M * P * 4);
      headScoreReference(logits, M, V, partTokens(design, V)).forEach(({ m, s, t, argmax }, at) => {
        partials.set([m, s, t], 4 * at);
        new Uint32Array(partials.buffer)[4 * at + 3] = argmax;
      });
      const operands = {
        partials,
        targets,
        logp: Float32Array.from(targets, (target, m) => logits[m * V + target]!),
        entropy: M,
        correct: M,
      };
      const { params, grid } = headScoreMergeLaunch(design, shape);
      const actual = await runOnce(gpu, headScoreMerge, operands, params, grid, headMergeConstants(design));
      const expected = logitsStatsReference(logits, targets, M, V, V);
      return (['logp', 'entropy', 'correct'] as const).map((tensor) => ({
        tensor,
        actual: actual[tensor],
        expected: expected[tensor],
        tolerance: toleranceOf(shape),
      }));
    },
  };
}

const shapesOf = (design: HeadDesign): Shape[] => SHAPES.filter(({ only = design }) => only === design);

const withoutSubgroups = headConfigurationNames.filter((name) => !name.startsWith('shared'));

/** What this adapter runs for few rows, for more and for many. */
const own =
  (index: number): Choice =>
  (gpu) => {
    const choices = headChoices[headDesign(gpu.facts)];
    const { configuration } = choices[Math.min(index, choices.length - 1)] ?? choices[0];
    return { kernel: headScoreKernel(configuration), configuration };
  };

/** Rows of one word and of several groups, a last group in part. */
const STORED_SHAPES = shapesOf('direct').filter(
  ({ V, scale, ties }) => [63, 257, 1021].includes(V) && scale < 10 && !ties,
);

/** Of a stored head, a configuration of each kind. */
const storedCases = headConfigurationNames.flatMap((configuration) =>
  headStoragesOf(configuration).flatMap((storage) => {
    if (storage === 'f32') return [];
    const kernel = headScoreKernel(configuration, storage);
    return STORED_SHAPES.map((shape) =>
      partsCase(kernel.name, () => ({ kernel, configuration }), { ...shape, storage }),
    );
  }),
);

export const lmHeadScoreCases: readonly KernelCase[] = [
  ...shapesOf('tiled').map((shape) =>
    partsCase(plainHeadScore.name, () => ({ kernel: plainHeadScore, configuration: 'tiled_64x64' }), shape),
  ),
  ...withoutSubgroups.flatMap((configuration) => {
    const kernel = headScoreKernel(configuration);
    return shapesOf(designOf(configuration)).map((shape) =>
      partsCase(kernel.name, () => ({ kernel, configuration }), shape),
    );
  }),
  ...storedCases,
  ...[0, 1, 2].flatMap((index) =>
    shapesOf('direct').map((shape) =>
      partsCase(plainHeadScore.name, own(index), shape, `, choice ${index} of this adapter`),
    ),
  ),
  ...DESIGNS.flatMap((design) => shapesOf(design).map((shape) => mergeCase(design, shape))),
];
