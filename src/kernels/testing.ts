import { beforeAll, describe, expect, test } from 'vitest';
import type { Gpu } from '../gpu/device';
import { sharedTestGpu } from '../gpu/testing';
import { allKernels } from './all';
import { runCase, type KernelCase } from './case';
import { foldEarly, isFoldable } from './folding';

/**
 * Registers one test a case, on the tests' GPU at WebGPU's default limits, and one in which the kernels whose grids may be
 * folded run so.
 */
export function describeCases(name: string, cases: readonly KernelCase[]): void {
  describe(name, () => {
    let gpu: Gpu;
    beforeAll(async () => {
      gpu = await sharedTestGpu();
    });
    test.each(cases.map((c) => [`${c.kernel} ${c.direction} ${c.shape}`, c] as const))('%s', async (_, c) => {
      const result = await runCase(gpu, c);
      expect(result.ok, typeof result.worst === 'string' ? result.worst : result.worst.message).toBe(true);
    });

    const names = new Set(cases.map(({ kernel }) => kernel));
    const foldable = allKernels.filter((kernel) => names.has(kernel.name) && isFoldable(kernel));
    if (!foldable.length) return;
    test('grids of more workgroups than a dimension holds', async () => {
      const { crossed, end } = foldEarly(gpu, foldable);
      try {
        for (const { name } of foldable) {
          for (const c of cases.filter(({ kernel }) => kernel === name).reverse()) {
            const { ok, worst } = await runCase(gpu, c);
            expect(ok, `${c.shape}: ${typeof worst === 'string' ? worst : worst.message}`).toBe(true);
            if (crossed.has(name)) break;
          }
        }
      } finally {
        end();
      }
      expect(foldable.map(({ name }) => name).filter((name) => !crossed.has(name))).toEqual([]);
    });
  });
}
