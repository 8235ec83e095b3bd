import { Arena } from '../../src/gpu/arena';
import type { Gpu } from '../../src/gpu/device';
import { grid1d } from '../../src/gpu/kernel';
import { Plan } from '../../src/gpu/plan';
import type { Figure, Roofline } from '../figure';
import { GpuClock } from '../timing';
import { COPY_WORKGROUP, copyKernel, VECTORS } from './copy';
import { CHAINS, fmaFlops, fmaKernel, fmaThreads, type FmaForm } from './fma';
import { measureRate, type Probe } from './probe';

const SAMPLES = 5;
/** Larger than every cache met so far; two of them are bound at once. */
const COPY_BYTES = { hardware: 128 * 2 ** 20, software: 32 * 2 ** 20 };
const WORKGROUPS = { hardware: 16_384, software: 64 };

interface Candidate {
  name: string;
  /** What one unit of the probe's work does, in operations or bytes. */
  perUnit: number;
  probe: Probe;
  release: () => void;
}

/**
 * The adapter's roofs: of a few ways to multiply and add (and to copy) the fastest that passes the doubling check. Reports
 * what each came to; a roof that no candidate passes is null, and said.
 */
export async function measureRoofline(
  gpu: Gpu,
  report: (figure: Figure) => void,
  note: (sentence: string) => void,
): Promise<Roofline> {
  const clock = new GpuClock(gpu);
  const best = async (
    roof: string,
    unit: string,
    candidates: (() => Candidate)[],
  ): Promise<number | null> => {
    let most: number | null = null;
    for (const make of candidates) {
      const { name, perUnit, probe, release } = make();
      const { rate, doubling } = await measureRate(probe);
      release();
      if (rate === null) {
        note(
          `${roof}: ${name} took ${doubling.toFixed(2)} times as long for twice the work and does not count.`,
        );
        continue;
      }
      const value = (rate * perUnit) / 1e6;
      report({ name: `roofline/${name}`, value, unit, samples: SAMPLES });
      most = Math.max(most ?? 0, value);
    }
    if (most === null) note(`The adapter's ${roof} is unknown: no probe passed its check.`);
    return most;
  };
  const forms: FmaForm[] = ['fma', 'operators'];
  const fma = forms.flatMap((form) => CHAINS.map((chains) => () => fmaCandidate(gpu, clock, chains, form)));
  const copy = VECTORS.map((vectors) => () => copyCandidate(gpu, clock, vectors));
  const roofline = {
    copy_gb_s: await best('copy bandwidth', 'GB/s', copy),
    fma_gflop_s: await best('FMA peak', 'GFLOP/s', fma),
  };
  clock.destroy();
  return roofline;
}

function fmaCandidate(gpu: Gpu, clock: GpuClock, chains: number, form: FmaForm): Candidate {
  const kernel = fmaKernel(chains, form);
  const workgroups = gpu.facts.isSoftware ? WORKGROUPS.software : WORKGROUPS.hardware;
  const arena = new Arena(kernel.name, 'separate');
  const out = arena.tensor('out', [fmaThreads(workgroups)]);
  arena.allocate(gpu);
  const plan = new Plan<number>(gpu, kernel.name);
  plan.add(kernel, { out }, (loops) => ({ params: { loops, c: 0.2 }, grid: [workgroups] }));
  return {
    name: kernel.name,
    perUnit: fmaFlops(chains, 1, workgroups),
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

function copyCandidate(gpu: Gpu, clock: GpuClock, vectors: number): Candidate {
  const kernel = copyKernel(vectors);
  const wanted = gpu.facts.isSoftware ? COPY_BYTES.software : COPY_BYTES.hardware;
  const bytes = Math.min(wanted, gpu.facts.maxStorageBufferBindingSize, gpu.facts.maxBufferSize);
  const count = bytes / 16;
  const arena = new Arena(kernel.name, 'separate');
  const inp = arena.tensor('inp', [count, 4]);
  const out = arena.tensor('out', [count, 4]);
  arena.allocate(gpu);
  const plan = new Plan<null>(gpu, kernel.name);
  const grid = grid1d(Math.ceil(count / (COPY_WORKGROUP * vectors)));
  plan.add(kernel, { inp, out }, () => ({ params: { count }, grid }));
  plan.prepare(null);
  return {
    name: kernel.name,
    perUnit: 2 * bytes,
    probe: (passes) => clock.once((pass) => plan.encode(pass), passes),
    release: () => {
      plan.destroy();
      arena.destroy();
    },
  };
}
