import { Arena } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { Plan } from '../gpu/plan';
import { Stream } from '../gpu/stream';
import {
  defaultChoices,
  matmulLaunch,
  matmulShapes,
  shapeClass,
  type MatmulChoices,
  type MatmulLayout,
  type ShapeClass,
} from './matmul';
import {
  isFor,
  matmulBlocking,
  matmulConfigurationNames,
  matmulKernel,
  type MatmulConfiguration,
} from './matmul_configurations';
import { matmulTile } from './matmul_text';

/** A product that will run often. */
export interface TunedShape {
  layout: MatmulLayout;
  M: number;
  N: number;
  K: number;
}

const SAMPLES = 3;
/** Dispatches of one sample: enough that a submit's own cost does not decide. */
const REPEATS = 8;
/** Another configuration is taken when it needs at most this share of the default's time: noise decides nothing. */
const WORTH = 0.93;
/** A tile of so many times the product's rows is not tried: most of it would be thrown away. */
const IDLE = 8;

/**
 * Times the configurations of the adapter's kind at the largest of `shapes` in every class and returns the table of the
 * fastest: plain data to pin (`pinChoices`), to record with a run and to cache by adapter. `budgetMs` covers compiling too:
 * classes that were not measured in time, those named last, keep their default, so that a budget of 0 gives the default table. The kind of
 * configuration, and with it every bit of a product, does not depend on what is measured.
 */
export async function tuneMatmuls(
  gpu: Gpu,
  shapes: readonly TunedShape[],
  budgetMs: number,
): Promise<Record<string, string>> {
  const until = performance.now() + budgetMs;
  const choices: MatmulChoices = { ...defaultChoices(gpu.facts) };
  const bench = new Bench(gpu, shapes);
  try {
    for (const [name, shape] of largestByClass(shapes)) {
      if (performance.now() >= until) break;
      choices[name] = await fastest(bench, shape, choices[name], until);
    }
  } finally {
    bench.destroy();
  }
  return choices;
}

/** Classes in the order in which `shapes` first names them: when time is short the last go without. */
function largestByClass(shapes: readonly TunedShape[]): Map<ShapeClass, TunedShape> {
  const work = ({ M, N, K }: TunedShape): number => M * N * K;
  const largest = new Map<ShapeClass, TunedShape>();
  for (const shape of shapes) {
    const name = shapeClass(shape.layout, shape);
    const held = largest.get(name);
    if (work(shape) > (held ? work(held) : 0)) largest.set(name, shape);
  }
  return largest;
}

/** The fastest configuration for a shape, or `preset` when nothing is clearly faster or time ran out before all were seen. */
async function fastest(
  bench: Bench,
  shape: TunedShape,
  preset: MatmulConfiguration,
  until: number,
): Promise<MatmulConfiguration> {
  const kind = preset.split('_')[0] ?? '';
  let best = preset;
  let least = WORTH * (await bench.time(shape, preset));
  for (const configuration of matmulConfigurationNames) {
    if (configuration === preset || !configuration.startsWith(kind)) continue;
    if (!isFor(configuration, bench.gpu.facts) || bench.tileOf(configuration)[0] >= IDLE * shape.M) continue;
    if (performance.now() >= until) return preset;
    const time = await bench.time(shape, configuration);
    if (time < least) [best, least] = [configuration, time];
  }
  return best;
}

/** Buffers that hold the largest operands, and a clock. */
class Bench {
  readonly gpu: Gpu;
  private readonly arena = new Arena('tuner', 'separate');
  private readonly stream: Stream;
  private readonly buffers;

  constructor(gpu: Gpu, shapes: readonly TunedShape[]) {
    this.gpu = gpu;
    const floats = (rows: number, length: number): number => rows * (Math.ceil(length / 4) * 4);
    const most = (size: (shape: TunedShape) => number): number => Math.max(4, ...shapes.map(size));
    this.buffers = {
      a: this.arena.tensor('a', [most((s) => floats(...matmulShapes(s.layout, s).a))]),
      b: this.arena.tensor('b', [most((s) => floats(...matmulShapes(s.layout, s).b))]),
      out: this.arena.tensor('out', [most((s) => floats(s.M, s.N))]),
    };
    this.arena.allocate(gpu);
    this.stream = new Stream(gpu);
  }

  /** Rows and columns of a configuration's tile. */
  tileOf(configuration: MatmulConfiguration): readonly [rows: number, columns: number] {
    return matmulTile(matmulBlocking(configuration, this.gpu.facts.subgroupSize));
  }

  /** Milliseconds of one product: the least of a few samples, after one dispatch that compiles. */
  async time(shape: TunedShape, configuration: MatmulConfiguration): Promise<number> {
    const { subgroupSize } = this.gpu.facts;
    const tile = this.tileOf(configuration);
    const plan = new Plan<null>(this.gpu, 'tuner');
    const kernel = matmulKernel(shape.layout, configuration, subgroupSize);
    plan.add(kernel, this.buffers, () => matmulLaunch(shape.layout, tile, shape));
    plan.prepare(null);
    const run = async (repeats: number): Promise<number> => {
      const started = performance.now();
      this.stream.submit((pass) => {
        for (let i = 0; i < repeats; i++) plan.encode(pass);
      });
      await this.gpu.idle();
      return (performance.now() - started) / repeats;
    };
    await run(1);
    let least = Infinity;
    for (let i = 0; i < SAMPLES; i++) least = Math.min(least, await run(REPEATS));
    plan.destroy();
    return least;
  }

  destroy(): void {
    this.stream.destroy();
    this.arena.destroy();
  }
}
