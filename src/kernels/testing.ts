import { beforeAll, describe, expect, test } from 'vitest';
import type { Gpu } from '../gpu/device';
import { sharedTestGpu } from '../gpu/testing';
import { runCase, type KernelCase } from './case';

/** Registers one test a case, on the tests' GPU at WebGPU's default limits. */
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
  });
}
