import type { Gpu } from '../src/gpu/device';
import { Stream } from '../src/gpu/stream';
import { median } from './figure';

/** Timed repeats of everything, after one that warms up. */
const SAMPLES = 5;
/** Above this, three samples must do: large work of a CPU adapter, which varies little. */
const SLOW_MS = 500;
const SLOW_SAMPLES = 3;
/** A sample is repeated within one submit until it takes at least this long: clocks are coarse (65 to 100 µs). */
export const LEAST_MS = 10;
const MOST_REPEATS = 1 << 16;

/** Median milliseconds of one execution, and how many samples that is the median of. */
export interface Timing {
  milliseconds: number;
  samples: number;
}

/** Times work that a GPU does in one pass: by timestamps where the adapter has them, else by the clock on the wall. */
export class GpuClock {
  private readonly stream: Stream;

  constructor(gpu: Gpu) {
    this.stream = new Stream(gpu);
  }

  /** Milliseconds of one submit that encodes `encode` `repeats` times. */
  async once(encode: (pass: GPUComputePassEncoder) => void, repeats: number): Promise<number> {
    this.stream.takeTimings();
    await this.stream.read(
      'bench',
      (pass) => {
        for (let i = 0; i < repeats; i++) encode(pass);
      },
      [],
    );
    return this.stream.takeTimings()['bench'] ?? Number.NaN;
  }

  /** Median time of one `encode`, repeated within each sample to `LEAST_MS`; of `wanted` samples, where that is given. */
  async time(encode: (pass: GPUComputePassEncoder) => void, wanted?: number): Promise<Timing> {
    const { repeats, milliseconds: warm } = await this.repeatsFor(encode);
    const samples = wanted ?? samplesOf(warm);
    const taken: number[] = [];
    for (let i = 0; i < samples; i++) taken.push((await this.once(encode, repeats)) / repeats);
    return { milliseconds: median(taken), samples };
  }

  /** How often `encode` fits into a sample of at least `LEAST_MS`, and how long that took; its runs are the warm-up. */
  async repeatsFor(
    encode: (pass: GPUComputePassEncoder) => void,
  ): Promise<{ repeats: number; milliseconds: number }> {
    let repeats = 1;
    await this.once(encode, repeats); // compiles
    for (;;) {
      const taken = await this.once(encode, repeats);
      if (taken >= LEAST_MS || repeats >= MOST_REPEATS) return { repeats, milliseconds: taken };
      const wanted = taken > 0 ? Math.ceil((repeats * LEAST_MS * 1.25) / taken) : repeats * 16;
      repeats = Math.min(MOST_REPEATS, Math.max(repeats + 1, Math.min(wanted, repeats * 16)));
    }
  }

  destroy(): void {
    this.stream.destroy();
  }
}

/** Samples taken of something that takes so long. */
export const samplesOf = (milliseconds: number): number => (milliseconds > SLOW_MS ? SLOW_SAMPLES : SAMPLES);

/**
 * Median milliseconds between the ends of steps that follow each other closely: the next is started before the last is
 * awaited, as a training run does it. Two to warm up.
 */
export async function timePipelined(start: () => Promise<unknown>): Promise<Timing> {
  await start();
  let inFlight = start();
  let ended = performance.now();
  const taken: number[] = [];
  let samples = SAMPLES;
  for (let i = 0; i <= samples; i++) {
    const next = start();
    await inFlight;
    const now = performance.now();
    // The first interval has no predecessor to hide behind.
    if (i > 0) taken.push(now - ended);
    else samples = samplesOf(now - ended);
    ended = now;
    inFlight = next;
  }
  await inFlight;
  return { milliseconds: median(taken), samples };
}

/** Median milliseconds on the wall of an asynchronous piece of work, after one to warm up. */
export async function timeWall(work: () => Promise<unknown>): Promise<Timing> {
  await work();
  const taken: number[] = [];
  let samples = SAMPLES;
  for (let i = 0; i < samples; i++) {
    const started = performance.now();
    await work();
    taken.push(performance.now() - started);
    if (i === 0) samples = samplesOf(performance.now() - started);
  }
  return { milliseconds: median(taken), samples };
}
