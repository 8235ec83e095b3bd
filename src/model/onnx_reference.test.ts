import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadNodeOnnxRuntime } from '../cli/node_onnx';
import type { Gpu } from '../gpu/device';
import { openTestGpu } from '../gpu/testing';
import { expectClose } from '../kernels/compare';
import { readGolden } from './goldens/testing';
import { paddedGroups, padSequences } from './onnx_batch';
import { OnnxReference } from './onnx_reference';

describe('OnnxReference on the GPU, against transformers', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await openTestGpu({ defaultLimits: true });
  });
  afterAll(() => gpu.close());

  // Room for everything at once, and so little that it takes several batches and several runs of each.
  test.each([
    { name: 'llama_gqa_untied', tokens: 256 },
    { name: 'llama_mqa_tied', tokens: 8 },
  ])('$name with room for $tokens tokens', async ({ name, tokens }) => {
    const golden = readGolden(name);
    const ort = await loadNodeOnnxRuntime(gpu);
    const capacity = { tokens, sequences: 8, context: 64 };
    const reference = await OnnxReference.create(gpu, ort, golden.config, golden.tensors, capacity);
    const logp = await reference.logprobs(golden.sequences);
    expect(logp.map(({ length }) => length)).toEqual([10, 0, 27, 1]);
    expectClose(
      'logp',
      logp.flatMap((row) => [...row]),
      golden.logp,
      { atol: 1e-4, rtol: 0 },
    );
    const again = await reference.logprobs(golden.sequences);
    expect(again).toEqual(logp);
    reference.destroy();
    gpu.throwIfFailed();
  });

  test('nothing to score', async () => {
    const { config, tensors } = readGolden('llama_mqa_tied');
    const ort = await loadNodeOnnxRuntime(gpu);
    const capacity = { tokens: 8, sequences: 8, context: 64 };
    const reference = await OnnxReference.create(gpu, ort, config, tensors, capacity);
    expect(await reference.logprobs([])).toEqual([]);
    expect(await reference.logprobs([{ tokens: [3], promptLength: 1 }])).toEqual([new Float32Array()]);
    reference.destroy();
  });

  test('a missing tensor is named', async () => {
    const { config, tensors } = readGolden('llama_mqa_tied');
    const ort = await loadNodeOnnxRuntime(gpu);
    const without = new Map(tensors);
    without.delete('model.norm.weight');
    const capacity = { tokens: 8, sequences: 8, context: 64 };
    await expect(OnnxReference.create(gpu, ort, config, without, capacity)).rejects.toThrow(
      'model.norm.weight',
    );
  });
});

describe('padded batches', () => {
  const sequence = (length: number, promptLength: number) => ({
    tokens: Array.from({ length }, (_, i) => 10 * length + i),
    promptLength,
  });
  const limits = { tokens: 16, sequences: 3, tensorBytes: 4096, heads: 2 };

  test('rows are the positions before each completion token', () => {
    const { B, T, rows, targets, input_ids, position_ids } = padSequences([sequence(2, 1), sequence(3, 1)]);
    expect([B, T]).toEqual([2, 4]);
    expect([...rows].map(Number)).toEqual([0, 4, 5]);
    expect([...targets]).toEqual([21, 31, 32]);
    expect([...input_ids].map(Number)).toEqual([20, 21, 0, 0, 30, 31, 32, 0]);
    expect([...position_ids].map(Number)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
  });

  test('groups hold like lengths within the limits, and leave out what has no completion', () => {
    const sequences = [
      sequence(3, 1),
      sequence(6, 2),
      sequence(5, 5),
      sequence(20, 3),
      sequence(4, 1),
      sequence(2, 1),
    ];
    expect(paddedGroups(sequences, limits)).toEqual([[3], [1, 4], [0, 5]]);
  });

  test('a sequence whose attention scores pass one binding is refused with the numbers', () => {
    expect(() => paddedGroups([sequence(40, 1)], limits)).toThrow(/sequence of 40 tokens/);
  });
});
