import type { Gpu } from '../gpu/device';
import { allCases } from '../kernels/all_cases';
import { runCase } from '../kernels/case';
import type { Capability } from './protocol';

/** How long the check on opening the page may take; the self-check page runs every case. */
const BUDGET_MS = 1500;

/**
 * Runs kernels against their f64 references on this GPU: one case of each kernel, in the order of the list, until the
 * time is up. What was not reached is not claimed.
 */
export async function checkKernels(gpu: Gpu): Promise<NonNullable<Capability['check']>> {
  const started = performance.now();
  const families: NonNullable<Capability['check']>['families'] = [];
  for (const kernelCase of firstCases()) {
    if (performance.now() - started > BUDGET_MS) break;
    const { kernel, ok, worst } = await runCase(gpu, kernelCase);
    families.push({ kernel, ok, share: typeof worst === 'string' ? Infinity : worst.share });
  }
  return { families, ok: families.every(({ ok }) => ok), milliseconds: performance.now() - started };
}

/** The last case of each kernel: the first ones are the degenerate shapes. */
function firstCases(): (typeof allCases)[number][] {
  const byKernel = new Map(allCases.map((kernelCase) => [kernelCase.kernel, kernelCase]));
  return [...byKernel.values()];
}
