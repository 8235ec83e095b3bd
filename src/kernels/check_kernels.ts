import type { Gpu } from '../gpu/device';
import { allCases } from './all_cases';
import { runCase, type KernelCase } from './case';
import { choicesOf, type MatmulChoices } from './matmul';
import { MATMUL_LAYOUTS } from './matmul_configurations';
import { matmulName } from './matmul_generator';
import { PLAIN } from './matmul_text';

/** What became of each kernel that was held to its reference: plain data. */
export interface KernelCheck {
  /** `share`: the largest share of the tolerance that any element used. */
  families: { kernel: string; ok: boolean; share: number }[];
  ok: boolean;
  milliseconds: number;
}

/**
 * Runs kernels against their f64 references on this GPU: one case of each kernel that this adapter will use. With a
 * `budget`, until so many milliseconds are up: what was not reached is not claimed.
 */
export async function checkKernels(gpu: Gpu, budget = Infinity): Promise<KernelCheck> {
  const started = performance.now();
  const families: KernelCheck['families'] = [];
  for (const kernelCase of oneCaseAKernel(gpu)) {
    if (performance.now() - started > budget) break;
    const { kernel, ok, worst } = await runCase(gpu, kernelCase);
    families.push({ kernel, ok, share: typeof worst === 'string' ? Infinity : worst.share });
  }
  return { families, ok: families.every(({ ok }) => ok), milliseconds: performance.now() - started };
}

/** The kernels a check found wrong. */
export const wrongKernels = ({ families }: KernelCheck): string[] =>
  families.filter(({ ok }) => !ok).map(({ kernel }) => kernel);

const DIRECT = '_direct';
/** Of frozen weights stored otherwise than as f32. */
const STORED = /_(f16|q8|q4)$/;

const matmulsOfManyRows = (choices: MatmulChoices): string[] =>
  MATMUL_LAYOUTS.map((layout) => matmulName(layout, choices[`${layout}/many`], PLAIN));

/**
 * A case from the middle of each kernel's list: the first are degenerate shapes, the last are large. Where a kernel has a
 * direct sibling for software adapters, only the one of this adapter; of the matmuls, those for many rows; of f32 weights.
 */
export function oneCaseAKernel(gpu: Gpu): KernelCase[] {
  const { isSoftware } = gpu.facts;
  const byKernel = new Map<string, KernelCase[]>();
  for (const kernelCase of allCases) {
    byKernel.set(kernelCase.kernel, [...(byKernel.get(kernelCase.kernel) ?? []), kernelCase]);
  }
  const names = [...byKernel.keys()];
  const matmuls = matmulsOfManyRows(choicesOf(gpu));
  const used = names.filter((kernel) => {
    if (STORED.test(kernel)) return false;
    if (kernel.startsWith('matmul_')) return matmuls.includes(kernel);
    return isSoftware
      ? !kernel.includes('_tiled') && !names.some((name) => name.startsWith(kernel + DIRECT))
      : !kernel.includes(DIRECT);
  });
  return used.flatMap((kernel) => {
    const cases = byKernel.get(kernel) ?? [];
    return cases[Math.floor(cases.length * 0.6)] ?? [];
  });
}
