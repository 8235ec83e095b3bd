import { mib } from '../../src/gpu/arena';
import { costOf } from '../cost';
import { median } from '../figure';
import { measureKernel, prepareWork } from '../kernel_work';
import { workFor } from '../roofline/probe';
import { fmaCandidate } from '../roofline/roofline';
import { allShapes, type Shapes } from '../shapes';
import type { BenchContext, Suite } from '../suite';
import { GpuClock } from '../timing';
import { allWorks } from '../works/all';
import { matmulWork } from '../works/matmul';

const GEMM = 512;
const GEMM_PAIRS = 15;
/** Its samples, and the probe's beside them, are this many times as long as others: what surrounds a submit is little of them. */
const GEMM_LENGTH = 6;
/** Tokens of a batch where the adapter is fast enough, halved until its slowest matmul takes `SAMPLE_MS`. */
const MOST_TOKENS = 2048;
const LEAST_TOKENS = 32;
const SAMPLE_MS = 200;
/** Share of the FMA peak that is assumed to size the work, before anything of it is measured. */
const ASSUMED_SHARE = 0.1;
/** Where the peak is unknown. */
const ASSUMED_GFLOP_S = 10;

/** Every kernel at the shapes of real models, and the square matmul that the lab's bar is set on. */
export const kernels: Suite = async (context) => {
  const { gpu, roofs, report, note } = context;
  const clock = new GpuClock(gpu);
  await squareMatmul(context, clock);
  for (const shapes of await allShapes(context)) {
    const N = tokensFor(context, shapes);
    const bindable = Math.min(gpu.facts.maxStorageBufferBindingSize, gpu.facts.maxBufferSize);
    if (4 * shapes.V * shapes.C > bindable)
      note(
        `${shapes.model}: the vocabulary's ${mib(4 * shapes.V * shapes.C)} are more than one binding; its head is measured on a shard.`,
      );
    const cut = { ...shapes, V: Math.min(shapes.V, Math.floor(bindable / (4 * shapes.C * 64)) * 64) };
    for (const work of allWorks(cut, N)) report(await measureKernel(gpu, clock, roofs, shapes.model, work));
  }
  clock.destroy();
};

/** Tokens whose gate and up projection takes about `SAMPLE_MS` on this adapter. */
function tokensFor({ roofs }: BenchContext, { C, F }: Shapes): number {
  const rate = (roofs.fma_gflop_s ?? ASSUMED_GFLOP_S / ASSUMED_SHARE) * ASSUMED_SHARE;
  let N = MOST_TOKENS;
  const milliseconds = (): number => costOf('matmul_nt', { M: N, N: 2 * F, K: C }).flops / rate / 1e6;
  while (N > LEAST_TOKENS && milliseconds() > SAMPLE_MS) N /= 2;
  return N;
}

/**
 * gemm_512: a square matmul of a linear layer, in GFLOP/s and as a share of the FMA peak alone. The probe of the peak runs in
 * turn with it and the share is of each pair: a shared machine's speed changes within seconds, and both must see the same.
 */
async function squareMatmul(
  { gpu, roofs: { fma_way }, report }: BenchContext,
  clock: GpuClock,
): Promise<void> {
  const work = matmulWork('nt', '', GEMM, GEMM, GEMM);
  const { encode, release } = prepareWork(gpu, work);
  const peak = fma_way && fmaCandidate(gpu, clock, fma_way);
  const turns = GEMM_LENGTH * ((peak && (await workFor(peak.probe))) ?? 0);
  const repeats = GEMM_LENGTH * (await clock.repeatsFor(encode)).repeats;
  const rates: number[] = [];
  const shares: number[] = [];
  for (let pair = 0; pair < GEMM_PAIRS; pair++) {
    const rate = (repeats * costOf(work.kernel, work.dims).flops) / (await clock.once(encode, repeats)) / 1e6;
    rates.push(rate);
    if (peak && turns) shares.push(rate / ((turns * peak.perUnit) / (await peak.probe(turns)) / 1e6));
  }
  peak?.release();
  release();
  report({ name: 'gemm_512/gflop_s', value: median(rates), unit: 'GFLOP/s', samples: GEMM_PAIRS });
  if (shares.length)
    report({
      name: 'gemm_512/fraction_of_fma',
      value: median(shares),
      unit: 'of FMA peak',
      samples: GEMM_PAIRS,
    });
}
