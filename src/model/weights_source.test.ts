import { describe, expect, test } from 'vitest';
import { LabError } from '../errors';
import { bytesSource, rangeSource, type ByteSource } from './byte_source';
import { parseModelConfig } from './config';
import { openModelWeights, openWeights } from './folder';
import { parameterCount, Parameters } from './parameters';
import { openSafetensors, readSafetensors, writeSafetensors, type NamedTensor } from './safetensors';
import { SHARD_INDEX } from './shard_index';
import { joinedSource, memorySource, readTensors, renamedSource, type TensorSource } from './tensor_source';

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const tensor = (shape: number[], first: number): NamedTensor => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => first + i / 8),
});
const A = tensor([5, 3], 1);
const B = tensor([4], 100);
const FILE = writeSafetensors(new Map(Object.entries({ a: A, b: B })));

/** A source that counts what is read of it. */
function counted(bytes: Uint8Array): ByteSource & { read_bytes: number; largest: number } {
  const source = {
    size: bytes.length,
    read_bytes: 0,
    largest: 0,
    read: async (begin: number, end: number) => {
      source.read_bytes += end - begin;
      source.largest = Math.max(source.largest, end - begin);
      return bytes.subarray(begin, end);
    },
  };
  return source;
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LabError);
  expect((error as LabError).code).toBe('bad_input');
  return (error as LabError).message;
}

describe('a safetensors file read by ranges', () => {
  test('gives the same tensors as read at once, whole and by rows', async () => {
    const source = await openSafetensors(bytesSource(FILE));
    expect(source.names).toEqual(['a', 'b']);
    expect(await readTensors(source)).toEqual(readSafetensors(FILE));
    expect(await source.read('a', 1, 3)).toEqual(A.data.slice(3, 12));
    expect(await source.read('b', 3, 1)).toEqual(B.data.slice(3));
    expect(source.shape('a')).toEqual([5, 3]);
    expect(source.shape('c')).toBeUndefined();
    expect(await refusal(source.read('c'))).toContain('no tensor c');
  });

  test('reads its header and the rows asked for, nothing else', async () => {
    const big = writeSafetensors(new Map([['big', tensor([1000, 64], 0)]]));
    const bytes = counted(big);
    const source = await openSafetensors(bytes);
    const header = bytes.read_bytes;
    expect(header).toBeLessThan(300);
    await source.read('big', 10, 2);
    expect(bytes.read_bytes - header).toBe(2 * 64 * 4);
  });

  test('F16 and BF16 by rows, at an odd place in the file', async () => {
    const header = json({
      h: { dtype: 'F16', shape: [3, 1], data_offsets: [0, 6] },
      b: { dtype: 'BF16', shape: [2], data_offsets: [6, 10] },
    });
    const bytes = new Uint8Array(1 + 8 + header.length + 10);
    new DataView(bytes.buffer).setBigUint64(1, BigInt(header.length), true);
    bytes.set(header, 9);
    const halves = new Uint16Array([0x3e00, 0xc000, 0x0001, 0x3f80, 0xbf00]);
    bytes.set(new Uint8Array(halves.buffer), 9 + header.length);
    const source = await openSafetensors(rangeSource(bytesSource(bytes), 1, bytes.length - 1));
    expect([...(await source.read('h', 1, 2))]).toEqual([-2, 2 ** -24]);
    expect([...(await source.read('b'))]).toEqual([1, -0.5]);
  });

  test('every f16 is what DataView says it is', async () => {
    const header = json({ h: { dtype: 'F16', shape: [2 ** 16], data_offsets: [0, 2 ** 17] } });
    const all = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);
    const bytes = new Uint8Array(8 + header.length + all.byteLength);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
    bytes.set(header, 8);
    bytes.set(new Uint8Array(all.buffer), 8 + header.length);
    const read = await (await openSafetensors(bytesSource(bytes))).read('h');
    // Oracle: the value of its fields, in f64.
    for (const half of [0, 1, 0x3ff, 0x400, 0x3c00, 0x3c01, 0x7bff, 0x7c00, 0xfc00, 0x8000, 0xfbff]) {
      const sign = half >> 15 ? -1 : 1;
      const e = (half >> 10) & 31;
      const m = half & 1023;
      const value = e === 31 ? Infinity : e ? (1024 + m) * 2 ** (e - 25) : m * 2 ** -24;
      expect(read[half]).toBe(sign * value);
    }
    expect(read[0x7c01]).toBeNaN();
  });

  const lying = (header: unknown, data = 24): ByteSource => {
    const text = json(header);
    const bytes = new Uint8Array(8 + text.length + data);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
    bytes.set(text, 8);
    return bytesSource(bytes);
  };
  const entry = (shape: unknown, offsets: unknown, dtype = 'F32') => ({
    dtype,
    shape,
    data_offsets: offsets,
  });
  test.each([
    ['no file at all', bytesSource(new Uint8Array(3)), /3 bytes/],
    ['cut off in its header', rangeSource(bytesSource(FILE), 0, 20), /claims/],
    ['cut off in its tensors', rangeSource(bytesSource(FILE), 0, FILE.length - 4), /claims bytes/],
    ['a list for a header', lying([1]), /not a JSON object/],
    ['a range out of the file', lying({ a: entry([2, 3], [0, 999]) }), /999/],
    ['a range backwards', lying({ a: entry([0], [8, 4]) }), /8 to 4/],
    ['a shape of another size', lying({ a: entry([2, 2], [0, 24]) }), /\[2, 2\]/],
    ['a shape whose product overflows', lying({ a: entry([2 ** 40, 2 ** 40], [0, 24]) }), /\[/],
    ['a range of three numbers', lying({ a: entry([6], [0, 24, 0]) }), /no byte range/],
    ['null for a tensor', lying({ a: null }), /no shape/],
    ['tensors that overlap', lying({ a: entry([4], [0, 16]), b: entry([4], [8, 24]) }), /a and b claim/],
  ])('%s is refused in a sentence', async (_, source, sentence) => {
    expect(await refusal(openSafetensors(source))).toMatch(sentence);
  });

  test('a type the lab does not read is refused when it is asked for: old files carry masks that nobody asks for', async () => {
    const source = await openSafetensors(lying({ mask: entry([24], [0, 24], 'BOOL') }));
    expect(await refusal(source.read('mask'))).toMatch(/mask is stored as BOOL/);
  });
});

describe('a model in shards', () => {
  const part = (name: string, value: NamedTensor) => writeSafetensors(new Map([[name, value]]));
  const one = 'model-00001-of-00002.safetensors';
  const two = 'model-00002-of-00002.safetensors';
  const files = { [one]: part('a', A), [two]: part('b', B) };
  const index = json({ metadata: { total_size: 76 }, weight_map: { a: one, b: two } });

  test('is one source', async () => {
    const source = await openModelWeights({ ...files, [SHARD_INDEX]: index });
    expect(await readTensors(source)).toEqual(new Map(Object.entries({ a: A, b: B })));
  });

  test('with a shard missing, an index that lies, or none, is refused in a sentence', async () => {
    const opened = (given: Record<string, Uint8Array>) => refusal(openModelWeights(given));
    expect(await opened({ [one]: files[one] ?? FILE, [SHARD_INDEX]: index })).toMatch(/1 of them.*00002/);
    const swapped = json({ weight_map: { a: two, b: one } });
    expect(await opened({ ...files, [SHARD_INDEX]: swapped })).toMatch(/a is in .*has no such tensor/);
    expect(await opened({ ...files, [SHARD_INDEX]: json({}) })).toMatch(/no weight_map/);
    expect(await opened({ ...files, [SHARD_INDEX]: json({ weight_map: { a: 1 } }) })).toMatch(/not a name/);
    expect(await opened(files)).toMatch(/2 shards.*index\.json/);
    expect(await opened({ 'pytorch_model.bin': FILE })).toMatch(/pickled.*safe_serialization/);
  });

  test('a value head lies beside it', async () => {
    const head = writeSafetensors(
      new Map(Object.entries({ weight: tensor([1, 3], 0), bias: tensor([1], 2) })),
    );
    const source = await openWeights({ 'model.safetensors': FILE, 'value_head.safetensors': head });
    expect(source.names).toEqual(['a', 'b', 'v_head.weight', 'v_head.bias']);
    expect([...(await source.read('v_head.bias'))]).toEqual([2]);
  });
});

test('sources joined and renamed', async () => {
  const first = memorySource(new Map([['a', A]]));
  const joined = joinedSource('both', [first, memorySource(new Map([['a', B], ['b', B]]))]); // prettier-ignore
  expect(await joined.read('a')).toEqual(A.data);
  expect(await joined.read('b', 1, 2)).toEqual(B.data.slice(1, 3));
  const renamed = renamedSource(joined, (name) => (name === 'a' ? 'x' : undefined));
  expect(renamed.names).toEqual(['x']);
  expect(renamed.shape('b')).toBeUndefined();
  expect(await renamed.read('x', 4, 1)).toEqual(A.data.slice(12));
  expect(await refusal(renamed.read('a'))).toContain('no tensor a');
});

test('weights of any size pass through memory in pieces of at most 16 MiB, every element once', async () => {
  // SmolLM2-135M's embedding and one of its layers.
  const config = parseModelConfig({
    architectures: ['LlamaForCausalLM'],
    hidden_size: 576,
    num_hidden_layers: 1,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    intermediate_size: 1536,
    vocab_size: 49_152,
    tie_word_embeddings: true,
  });
  const parameters = new Parameters('weights', config, { pieceBytes: 2 ** 26, vocabularyStep: 1536 });
  const shapes = new Map([...parameters.fill(() => 0)].map(([name, { shape }]) => [name, shape]));
  let largest = 0;
  const source: TensorSource = {
    label: 'made up',
    names: [...shapes.keys()],
    shape: (name) => shapes.get(name),
    read: async (name, _row, rows) => {
      const [all = 0, width = 1] = shapes.get(name) ?? [];
      const data = new Float32Array((rows ?? all) * width);
      largest = Math.max(largest, data.byteLength);
      return data;
    },
  };
  let elements = 0;
  for await (const { view, data } of parameters.stream(source)) {
    expect(data.byteLength).toBe(view.bytes);
    elements += data.length;
  }
  expect(largest).toBeLessThanOrEqual(2 ** 24);
  expect(elements).toBe(parameterCount(config) + 576 + 1);
  const short = {
    ...source,
    shape: (name: string) => (name.includes('norm') ? undefined : shapes.get(name)),
  };
  expect(await refusal(parameters.stream(short).next())).toMatch(/made up has no tensor model\..*norm/);
  const wide = { ...source, shape: (name: string) => [1, ...(shapes.get(name) ?? [])] };
  expect(await refusal(parameters.stream(wide).next())).toMatch(
    /shape \[1, 49152, 576\].*config\.json says \[49152, 576\]/,
  );
});
