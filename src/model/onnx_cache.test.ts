import * as ort from 'onnxruntime-web';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readGolden } from './goldens/testing';
import { onnxFile } from './folder';
import type { LazyBytes } from './onnx_proto';
import { memorySource } from './tensor_source';

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
  'gemma3',
  'gemma3_wide_heads',
];
// The oracle is transformers' greedy decoding (goldens/README.md); the lab's own is held to the same in policy.test.ts.
const FILES = [
  ...FAMILIES.map((name) => ({ name, where: 'in the graph', most: undefined })),
  { name: 'llama_gqa_untied', where: 'beside the graph', most: 0 },
];
describe.each(FILES)('ONNX of $name with a cache of keys and values, weights $where', ({ name, most }) => {
  const { config, tensors, greedy } = readGolden(name);
  const { num_key_value_heads: NKV, head_dim: HS, num_hidden_layers: L, vocab_size: V } = config;
  let session: ort.InferenceSession;
  beforeAll(async () => {
    const file = onnxFile({ config, weights: memorySource(tensors) }, most);
    const { data } = file;
    session = await ort.InferenceSession.create(await file.bytes(), {
      executionProviders: ['wasm'],
      ...(data ? { externalData: [{ path: data.location, data: await joined(data) }] } : {}),
    });
    expect(data !== undefined).toBe(most === 0);
  });
  afterAll(() => session.release());

  test('inputs and outputs have the names that transformers.js feeds and reads', () => {
    const layers = Array.from({ length: L }, (_, l) => [`${l}.key`, `${l}.value`]).flat();
    expect([...session.inputNames].sort()).toEqual(
      [
        'attention_mask',
        'input_ids',
        'num_logits_to_keep',
        ...layers.map((layer) => `past_key_values.${layer}`),
        'position_ids',
      ].sort(),
    );
    expect([...session.outputNames].sort()).toEqual(['logits', ...layers.map((layer) => `present.${layer}`)]);
    const past = session.inputMetadata.find((input) => input.name === 'past_key_values.0.key');
    // By these names transformers.js makes the empty cache of a first run.
    expect(past).toMatchObject({ shape: ['batch_size', NKV, 'past_sequence_length', HS] });
  });

  /** Greedy completions of left-padded prompts: one run over them, then one a token. */
  async function complete(prompts: readonly (readonly number[])[], newTokens: number): Promise<number[][]> {
    const B = prompts.length;
    const longest = Math.max(...prompts.map(({ length }) => length));
    const masks = prompts.map(({ length }) =>
      Array.from({ length: longest }, (_, i) => Number(i >= longest - length)),
    );
    let inputs = prompts.map((tokens) => [...new Array<number>(longest - tokens.length).fill(0), ...tokens]);
    let positions = masks.map((mask) =>
      mask.map((_, i) =>
        Math.max(
          0,
          mask.slice(0, i).reduce((sum, m) => sum + m, 0),
        ),
      ),
    );
    const completions = prompts.map((): number[] => []);
    let cache: Record<string, ort.Tensor> = {};
    for (let l = 0; l < L; l++)
      for (const kind of ['key', 'value'])
        cache[`past_key_values.${l}.${kind}`] = new ort.Tensor('float32', [], [B, NKV, 0, HS]);
    for (let step = 0; step < newTokens; step++) {
      const { logits, ...presents } = await session.run({
        input_ids: int64(inputs),
        attention_mask: int64(masks),
        position_ids: int64(positions),
        num_logits_to_keep: new ort.Tensor('int64', [1n], []),
        ...cache,
      });
      expect(logits?.dims).toEqual([B, 1, V]);
      cache = Object.fromEntries(
        Object.entries(presents).map(([key, value]) => [key.replace('present', 'past_key_values'), value]),
      );
      const data = logits?.data as Float32Array;
      completions.forEach((completion, b) => completion.push(argmax(data.subarray(b * V, (b + 1) * V))));
      masks.forEach((mask) => mask.push(1));
      positions = prompts.map(({ length }) => [length + step]);
      inputs = completions.map((completion) => completion.slice(-1));
    }
    return completions;
  }

  test('greedy tokens of prompts of different lengths in one left-padded batch', async () => {
    const prompts = greedy.sequences.map(({ prompt }) => prompt);
    expect(new Set(prompts.map(({ length }) => length)).size).toBeGreaterThan(1);
    const completions = await complete(prompts, greedy.max_new_tokens);
    greedy.sequences.forEach(({ completion }, i) =>
      expect(completions[i]?.slice(0, completion.length)).toEqual(completion),
    );
  });

  test('num_logits_to_keep 0 gives logits at every position, the last of them the same', async () => {
    const prompt = greedy.sequences[0]?.prompt ?? [];
    const past = Object.fromEntries(
      session.inputNames
        .filter((input) => input.startsWith('past'))
        .map((input) => [input, new ort.Tensor('float32', [], [1, NKV, 0, HS])]),
    );
    const run = async (keep: bigint): Promise<ort.Tensor | undefined> => {
      const outputs = await session.run({
        input_ids: int64([prompt]),
        attention_mask: int64([prompt.map(() => 1)]),
        position_ids: int64([prompt.map((_, i) => i)]),
        num_logits_to_keep: new ort.Tensor('int64', [keep], []),
        ...past,
      });
      return outputs.logits;
    };
    const [all, last] = [await run(0n), await run(1n)];
    expect(all?.dims).toEqual([1, prompt.length, V]);
    expect((all?.data as Float32Array).slice(-V)).toEqual(last?.data);
  });
});

async function joined({ length, chunks }: LazyBytes): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks()) parts.push(chunk);
  const whole = new Uint8Array(Buffer.concat(parts));
  expect(whole.length).toBe(length);
  return whole;
}

const int64 = (rows: readonly (readonly number[])[]): ort.Tensor =>
  new ort.Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]?.length ?? 0]);

const argmax = (values: Float32Array): number => values.indexOf(Math.max(...values));
