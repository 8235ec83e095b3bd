import { Arena } from '../../src/gpu/arena';
import type { Gpu } from '../../src/gpu/device';
import { grid1d } from '../../src/gpu/kernel';
import { Plan } from '../../src/gpu/plan';
import type { Figure, Stream } from '../figure';
import { GpuClock } from '../timing';
import { CHAINS, fmaFlops, fmaKernel, fmaThreads, type FmaForm, type FmaWay } from './fma';
import { measureRate, type Probe } from './probe';
import type { Roofs, StreamRate } from './roofs';
import { STREAM_WORKGROUP, streamKernel, STREAMS, streamTraffic, VECTORS } from './streams';

const SAMPLES = 5;
/** Of a buffer larger than every cache met so far; a copy binds two. */
const LARGE_BYTES = { hardware: 128 * 2 ** 20, software: 64 * 2 ** 20 };
/** Of buffers that the nearer caches may hold. */
const CACHED_BYTES = {
  copy: [2 ** 17, 2 ** 19, 2 ** 21, 2 ** 23],
  in_place: [2 ** 19, 2 ** 23],
  read: [2 ** 19, 2 ** 23],
} as const;
const WORKGROUPS = { hardware: 16_384, software: 64 };

export interface Candidate {
  name: string;
  /** What one unit of the probe's work does, in operations or bytes. */
  perUnit: number;
  probe: Probe;
  release: () => void;
}

/**
 * The adapter's roofs: of a few ways to multiply and add (and to pass memory) the fastest that passes the doubling check.
 * Reports what each roof came to; one that no way passes is null, and said.
 */
export async function measureRoofline(
  gpu: Gpu,
  report: (figure: Figure) => void,
  note: (sentence: string) => void,
): Promise<Roofs> {
  const clock = new GpuClock(gpu);
  const measure = async <W>(
    name: string,
    unit: string,
    ways: readonly W[],
    candidate: (way: W) => Candidate,
  ): Promise<{ value: number; way: W } | null> => {
    const best = await fastest(name, ways, candidate, note);
    if (best) report({ name: `roofline/${name}`, value: best.value, unit, samples: SAMPLES });
    return best;
  };
  const wanted = gpu.facts.isSoftware ? LARGE_BYTES.software : LARGE_BYTES.hardware;
  const large = Math.min(wanted, gpu.facts.maxStorageBufferBindingSize, gpu.facts.maxBufferSize);
  const streams: StreamRate[] = [];
  for (const stream of STREAMS) {
    for (const size of [large, ...CACHED_BYTES[stream]]) {
      const bytes = streamTraffic(stream, size);
      const best = await measure(`${stream}/bytes=${bytes}`, 'GB/s', VECTORS, (vectors) =>
        streamCandidate(gpu, clock, stream, vectors, size),
      );
      if (best) streams.push({ stream, bytes, gb_s: best.value });
    }
  }
  const copied = streams.find(
    ({ stream, bytes }) => stream === 'copy' && bytes === streamTraffic('copy', large),
  );
  const forms: FmaForm[] = ['fma', 'operators'];
  const ways: FmaWay[] = forms.flatMap((form) => CHAINS.map((chains) => ({ chains, form })));
  const fma = await measure('fma', 'GFLOP/s', ways, (way) => fmaCandidate(gpu, clock, way));
  clock.destroy();
  return {
    copy_gb_s: copied?.gb_s ?? null,
    fma_gflop_s: fma?.value ?? null,
    fma_way: fma?.way,
    streams,
  };
}

/** Best rate of those that pass, in 1e9 units a second, and whose it is; or null. */
async function fastest<W>(
  roof: string,
  ways: readonly W[],
  candidate: (way: W) => Candidate,
  note: (sentence: string) => void,
): Promise<{ value: number; way: W } | null> {
  let best: { value: number; way: W } | null = null;
  const failed: string[] = [];
  for (const way of ways) {
    const { name, perUnit, probe, release } = candidate(way);
    const { rate, doubling } = await measureRate(probe);
    release();
    const value = ((rate ?? 0) * perUnit) / 1e6;
    if (rate === null) failed.push(`${name} ${doubling.toFixed(2)}`);
    else if (!best || value > best.value) best = { value, way };
  }
  if (failed.length)
    note(
      `${roof}: twice the work did not take twice as long and does not count (${failed.join(', ')} times).`,
    );
  if (!best) note(`${roof}: unknown, no probe passed its check.`);
  return best;
}

/** The probe of the FMA peak in one way; a unit of its work is a turn of every thread's loop. */
export function fmaCandidate(gpu: Gpu, clock: GpuClock, way: FmaWay): Candidate {
  const kernel = fmaKernel(way);
  const workgroups = gpu.facts.isSoftware ? WORKGROUPS.software : WORKGROUPS.hardware;
  const arena = new Arena(kernel.name, 'separate');
  const out = arena.tensor('out', [fmaThreads(workgroups)]);
  arena.allocate(gpu);
  const plan = new Plan<number>(gpu, kernel.name);
  plan.add(kernel, { out }, (loops) => ({ params: { loops, c: 0.2 }, grid: [workgroups] }));
  return {
    name: kernel.name,
    perUnit: fmaFlops(way.chains, 1, workgroups),
    probe: async (loops) => {
      plan.prepare(loops);
      return clock.once((pass) => plan.encode(pass), 1);
    },
    release: () => {
      plan.destroy();
      arena.destroy();
    },
  };
}

function streamCandidate(
  gpu: Gpu,
  clock: GpuClock,
  stream: Stream,
  vectors: number,
  bytes: number,
): Candidate {
  const kernel = streamKernel(stream, vectors);
  const count = bytes / 16;
  const arena = new Arena(kernel.name, 'separate');
  const inp = arena.tensor('inp', stream === 'in_place' ? [1, 4] : [count, 4]);
  const out = arena.tensor('out', stream === 'read' ? [1, 4] : [count, 4]);
  arena.allocate(gpu);
  const plan = new Plan<null>(gpu, kernel.name);
  const grid = grid1d(Math.ceil(count / (STREAM_WORKGROUP * vectors)));
  plan.add(kernel, { inp, out }, () => ({ params: { count }, grid }));
  plan.prepare(null);
  return {
    name: kernel.name,
    perUnit: streamTraffic(stream, bytes),
    probe: (passes) => clock.once((pass) => plan.encode(pass), passes),
    release: () => {
      plan.destroy();
      arena.destroy();
    },
  };
}
