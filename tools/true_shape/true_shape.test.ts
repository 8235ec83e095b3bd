import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestGpu } from '../../src/gpu/testing';
import { makeTrueShape } from './make';
import { measureTrueShape } from './measure';

// Of its 30 layers one, and few tokens: with all of them see tools/true_shape/run.ts.
describe('SmolLM2-135M’s true shape, at the default limits', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'true-shape-'));
    makeTrueShape(folder, 1);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    { rank: 8, weights: 'f32' },
    { rank: 8, weights: 'q4' },
    { rank: 0, weights: 'f32' },
  ] as const)('loads, learns and generates inside the plan: %o', async (how) => {
    const gpu = await openTestGpu({ defaultLimits: true });
    const work = { ...how, steps: 2, tokens: 32, newTokens: 4 };
    const found = await measureTrueShape(gpu, folder, work);
    expect(found.made).toBe(found.planned);
    expect(found.generated.length).toBe(4);
    const [first = Number.NaN, second = Number.NaN] = found.losses;
    // Random weights know nothing of 49,152 tokens, and learn the first batch.
    expect(first).toBeGreaterThan(Math.log(49_152) - 1);
    expect(second).toBeLessThan(first);
    gpu.close();
  });
});
