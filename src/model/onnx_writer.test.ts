import * as ort from 'onnxruntime-web';
import { describe, expect, test } from 'vitest';
import { expectClose } from '../kernels/compare';
import { onnxFile } from './folder';
import { readGolden, type Golden } from './goldens/testing';
import { padSequences } from './onnx_batch';
import { memorySource } from './tensor_source';
import { writeOnnx, type OnnxOptions } from './onnx_writer';

// The oracle is transformers' own logits (goldens/README.md); onnxruntime's CPU build runs the file.
const FAMILIES = [
  'llama_gqa_untied',
  'llama_mqa_tied',
  'llama_3_2',
  'qwen2',
  'gpt2',
  'gpt_neox',
  'opt',
  'qwen3',
  'mistral',
  'qwen2_long',
  'gemma2',
  'gemma3',
  'gemma3_wide_heads',
];
const TOLERANCE = { atol: 1e-4, rtol: 0 };

async function logitsOf(golden: Golden, options: OnnxOptions): Promise<ort.Tensor> {
  const { config, tensors } = golden;
  const model = writeOnnx(config, memorySource(tensors), options);
  const session = await ort.InferenceSession.create(await model.bytes(), { executionProviders: ['wasm'] });
  const { B, T, input_ids, position_ids, rows } = padSequences(golden.sequences);
  const { logits } = await session.run({
    input_ids: new ort.Tensor('int64', input_ids, [B, T]),
    position_ids: new ort.Tensor('int64', position_ids, [B, T]),
    ...(options.logits === 'rows' ? { rows: new ort.Tensor('int64', rows, [rows.length]) } : {}),
  });
  await session.release();
  if (!logits) throw new Error('the model has no output "logits"');
  return logits;
}

describe.each(FAMILIES)('ONNX of %s', (name) => {
  const golden = readGolden(name);
  const { vocab_size: V } = golden.config;
  const expected = golden.arrays.get('logits')?.data ?? new Float32Array();

  test('logits at every position of a right-padded batch', async () => {
    const logits = await logitsOf(golden, { logits: 'all' });
    const { T } = padSequences(golden.sequences);
    expect(logits.dims).toEqual([golden.sequences.length, T, V]);
    const data = logits.data as Float32Array;
    const packed = golden.sequences.flatMap(({ tokens }, b) => [
      ...data.subarray(b * T * V, (b * T + tokens.length) * V),
    ]);
    expectClose('logits', packed, expected, TOLERANCE);
  });

  test('logits of the rows asked for, vocabulary rounded up to 4', async () => {
    const ldv = Math.ceil(V / 4) * 4;
    const logits = await logitsOf(golden, { logits: 'rows', maxPositions: 40 });
    const rows = golden.logp.length;
    expect(logits.dims).toEqual([rows, ldv]);
    const data = logits.data as Float32Array;
    const picked: number[] = [];
    let start = 0;
    for (const { tokens, promptLength } of golden.sequences) {
      for (let t = promptLength; t < tokens.length; t++) {
        picked.push(...expected.subarray((start + t - 1) * V, (start + t) * V));
      }
      start += tokens.length;
    }
    const got = Array.from({ length: rows }, (_, r) => [...data.subarray(r * ldv, r * ldv + V)]).flat();
    expectClose('logits', got, picked, TOLERANCE);
  });
});

test('a model over 2 GiB is refused in memory, with its size, and written with its weights beside it', () => {
  const { config } = readGolden('llama_mqa_tied');
  const large = { ...config, hidden_size: 4096, vocab_size: 151_936 };
  expect(() => writeOnnx(large, memorySource(new Map()), { logits: 'all' })).toThrow(
    /GiB in f32 and an ONNX graph/,
  );
  // Written as a file its weights lie beside it; nothing of them is read before they are written.
  const file = onnxFile({ config: large, weights: memorySource(new Map()) });
  expect(file.length).toBeLessThan(2 ** 20);
  expect(file.data?.length).toBeGreaterThan(2 ** 31);
});
