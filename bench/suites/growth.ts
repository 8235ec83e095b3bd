import { LabError } from '../../src/errors';
import type { ModelConfig } from '../../src/model/config';
import { namesOf, type Axis } from '../names';
import { fitPower, type GrowthPoint } from '../fit';
import { anyPrompts, anySequences, capacityOf, makePolicy, trainCost, trainStep } from '../policy_work';
import { fractionOfRoof } from '../roofline/roofs';
import { configOf } from '../shapes';
import type { BenchContext, Suite } from '../suite';
import { samplesOf, timePipelined, timeWall } from '../timing';

/** The bundled nano's dims: what grows, grows from there. */
const NANO = { model: 'nano', C: 64, F: 172, L: 4, NH: 4, NKV: 2, HS: 16, V: 560, T: 64 };
/** From 0.2 to 135 million parameters; the last is SmolLM2-135M. */
const SIZES = [
  NANO,
  { model: 'mini', C: 128, F: 344, L: 5, NH: 8, NKV: 4, HS: 16, V: 768, T: 64 },
  { model: '6M', C: 256, F: 688, L: 6, NH: 8, NKV: 4, HS: 32, V: 4096, T: 64 },
  { model: '28M', C: 384, F: 1024, L: 10, NH: 6, NKV: 3, HS: 64, V: 32_768, T: 64 },
  { model: 'SmolLM2-135M', C: 576, F: 1536, L: 30, NH: 9, NKV: 3, HS: 64, V: 49_152, T: 64 },
];
const TOKENS = [64, 128, 256, 512, 1024, 2048, 4096];
const LENGTHS = [64, 128, 256, 512, 1024];
const LENGTH_TOKENS = 1024;
const BATCHES = [1, 2, 4, 8, 16, 32, 64, 128];
const NEW_TOKENS = 32;
const PROMPT_TOKENS = 16;
const VOCABULARIES = [1024, 4096, 16_384, 65_536, 150_000];
/** Tokens of a step where vocabulary or model grow: enough to fill the smallest tile, few enough to end on a CPU. */
const FEW_TOKENS = 32;
const T = 64;
const MIB = 2 ** 20;

/** Seconds an axis may take: with a point of which less is known, all five end within five minutes. */
const AXIS_SECONDS = 45;
/** Runs of a point that are not samples: to warm up. */
const WARM_UP = 3;

const MEASURES: Readonly<Record<Axis, (context: BenchContext) => Promise<void>>> = {
  tokens: (context) => series(context, 'tokens', 'N', TOKENS, (N) => trainPoint(context, nano(T), N / T, T)),
  sequence_length: (context) =>
    series(context, 'sequence_length', 'T', LENGTHS, (length) =>
      trainPoint(context, nano(length), LENGTH_TOKENS / length, length),
    ),
  batch: (context) => series(context, 'batch', 'B', BATCHES, (B) => generatePoint(context, B)),
  vocabulary: (context) =>
    series(context, 'vocabulary', 'V', VOCABULARIES, (V) =>
      trainPoint(context, configOf({ ...NANO, V }, FEW_TOKENS), 1, FEW_TOKENS),
    ),
  model_size: async (context) => {
    const byParameters = new Map(SIZES.map((size) => [parametersOf(size), size]));
    await series(context, 'model_size', 'P', [...byParameters.keys()], (P) =>
      trainPoint(context, configOf(byParameters.get(P) ?? NANO, FEW_TOKENS), 1, FEW_TOKENS),
    );
  },
};

/**
 * Time and bytes against tokens, sequence length, batch, vocabulary and model size, each with the fitted exponent; the
 * setting `axis` names some of them.
 */
export const growth: Suite = async (context) => {
  const chosen = namesOf(context.settings['axis']);
  for (const [axis, measure] of Object.entries(MEASURES))
    if (chosen.length === 0 || chosen.includes(axis)) await measure(context);
};

/** One point of a series: milliseconds and bytes on the GPU. */
interface Point {
  what: 'train_step' | 'generate';
  milliseconds: number;
  samples: number;
  bytes: number;
  fraction: number | undefined;
}

const nano = (context: number): ModelConfig => configOf(NANO, context);

const parametersOf = ({ C, F, L, NH, NKV, HS, V }: (typeof SIZES)[number]): number =>
  V * C + L * ((NH + 2 * NKV) * HS * C + NH * HS * C + 3 * F * C + 2 * C) + C;

/**
 * Measures every point, then fits. Said and left out: a point that does not fit the adapter, and those that would take too
 * long if time grew with x from the last.
 */
async function series(
  { report, note }: BenchContext,
  axis: string,
  letter: string,
  xs: readonly number[],
  measure: (x: number) => Promise<Point>,
): Promise<void> {
  const times: GrowthPoint[] = [];
  const bytes: GrowthPoint[] = [];
  let what = '';
  const until = performance.now() + 1000 * AXIS_SECONDS;
  for (const x of xs) {
    const last = times.at(-1);
    const expected = last ? (last.y * x) / last.x : 0;
    if (performance.now() + (WARM_UP + samplesOf(expected)) * expected > until) {
      note(`growth/${axis}: ended before ${letter}=${x}, an axis takes ${AXIS_SECONDS} s at most.`);
      break;
    }
    try {
      const point = await measure(x);
      what = point.what;
      const name = (of: string): string => `growth/${axis}/${of}/${letter}=${x}`;
      const { milliseconds: value, samples, fraction } = point;
      report({
        name: name(what),
        value,
        unit: 'ms',
        samples,
        ...(fraction === undefined ? {} : { fraction_of_roof: fraction }),
      });
      report({ name: name('bytes'), value: point.bytes / MIB, unit: 'MiB', samples: 1 });
      times.push({ x, y: value });
      bytes.push({ x, y: point.bytes });
    } catch (error) {
      if (!(error instanceof LabError && error.code === 'out_of_memory')) throw error;
      note(`growth/${axis}: ${letter}=${x} is left out. ${error.message}`);
    }
  }
  for (const [of, points] of [
    [what, times],
    ['bytes', bytes],
  ] as const) {
    if (points.length < 2) continue;
    const { exponent, steepest } = fitPower(points);
    const count = points.length;
    report({ name: `growth/${axis}/${of}/exponent`, value: exponent, unit: 'exponent', samples: count });
    report({
      name: `growth/${axis}/${of}/steepest`,
      value: steepest,
      unit: 'exponent',
      samples: count,
    });
  }
}

async function trainPoint(
  { gpu, roofs }: BenchContext,
  config: ModelConfig,
  count: number,
  length: number,
): Promise<Point> {
  const sequences = anySequences(count, length, length / 4, config.vocab_size);
  const policy = makePolicy(gpu, config, capacityOf(config, sequences));
  const { milliseconds, samples } = await timePipelined(trainStep(policy, sequences));
  const bytes = Object.values(policy.bytes).reduce((sum, part) => sum + part, 0);
  policy.destroy();
  const fraction = fractionOfRoof(trainCost(config, sequences), milliseconds, roofs);
  return { what: 'train_step', milliseconds, samples, bytes, fraction };
}

/** B prompts, generated together. */
async function generatePoint({ gpu }: BenchContext, B: number): Promise<Point> {
  const config = nano(PROMPT_TOKENS + NEW_TOKENS);
  const room = anySequences(B, PROMPT_TOKENS + NEW_TOKENS, 0, config.vocab_size);
  const policy = makePolicy(gpu, config, capacityOf(config, room, B));
  const prompts = anyPrompts(B, PROMPT_TOKENS, config.vocab_size);
  const sampling = { temperature: 1, top_k: 0, top_p: 1, max_new_tokens: NEW_TOKENS, seed: 0, eos: [] };
  const { milliseconds, samples } = await timeWall(() => policy.generate(prompts, sampling));
  const bytes = Object.values(policy.bytes).reduce((sum, part) => sum + part, 0);
  policy.destroy();
  return { what: 'generate', milliseconds, samples, bytes, fraction: undefined };
}
