import type { AdapterFacts, Gpu } from '../gpu/device';
import { closeness, type Closeness, type Tolerance } from './compare';

/** One tensor a kernel wrote, beside what its f64 reference says. */
export interface Outcome {
  tensor: string;
  actual: ArrayLike<number>;
  expected: ArrayLike<number>;
  tolerance: Tolerance;
}

/**
 * One kernel at one shape, held to its reference. The same cases run in the tests (Dawn in Node) and on the lab's
 * self-check page (any browser), so they are plain engine code.
 */
export interface KernelCase {
  kernel: string;
  direction: 'forward' | 'backward';
  /** The shape, in the dims of docs/kernels.md, e.g. "N=7 C=61". */
  shape: string;
  /** Which adapters the lab would ever run this kernel on; all of them where it is left out. The tests run it on every one. */
  isFor?: (facts: AdapterFacts) => boolean;
  run: (gpu: Gpu) => Promise<Outcome[]>;
}

export interface CaseResult {
  kernel: string;
  direction: 'forward' | 'backward';
  shape: string;
  ok: boolean;
  /** Of all tensors, the one that used most of its tolerance; the error's text when the kernel did not run. */
  worst: Closeness | string;
}

/** Runs a case; a thrown error is a failed result, not an exception. */
export async function runCase(gpu: Gpu, kernelCase: KernelCase): Promise<CaseResult> {
  const { kernel, direction, shape } = kernelCase;
  try {
    const outcomes = await kernelCase.run(gpu);
    const results = outcomes.map((o) => closeness(o.tensor, o.actual, o.expected, o.tolerance));
    const worst = results.reduce((a, b) => (b.share > a.share ? b : a));
    return { kernel, direction, shape, ok: results.every((r) => r.ok), worst };
  } catch (error) {
    return {
      kernel,
      direction,
      shape,
      ok: false,
      worst: error instanceof Error ? error.message : String(error),
    };
  }
}
