import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Gpu } from '../gpu/device';
import { openTestGpu } from '../gpu/testing';
import { runCase, type KernelCase } from './case';

/** Registers one test a case, on one GPU opened at WebGPU's default limits. */
export function describeCases(name: string, cases: readonly KernelCase[]): void {
  describe(name, () => {
    let gpu: Gpu;
    beforeAll(async () => {
      gpu = await openTestGpu({ defaultLimits: true });
    });
    afterAll(() => gpu.close());
    test.each(cases.map((c) => [`${c.kernel} ${c.direction} ${c.shape}`, c] as const))('%s', async (_, c) => {
      const result = await runCase(gpu, c);
      expect(result.ok, typeof result.worst === 'string' ? result.worst : result.worst.message).toBe(true);
    });
  });
}
