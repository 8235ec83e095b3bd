import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { LabError } from '../errors';
import { parseModelConfig } from './config';
import { modelFolderFiles, openModelFolder, valueHeadFile } from './folder';
import { readGolden } from './goldens/testing';
import { readSafetensors, writeSafetensors, type NamedTensor } from './safetensors';
import { readTensors } from './tensor_source';

const NANO = 'public/models/nano';
const NAMES = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'];
const nano = (): Record<string, Uint8Array> =>
  Object.fromEntries(NAMES.map((name) => [name, new Uint8Array(readFileSync(`${NANO}/${name}`))]));
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** The sentence of the LabError a promise rejects with. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LabError);
  expect((error as LabError).code).toBe('bad_input');
  return (error as LabError).message;
}

/** What a folder's files hold, however they are made. */
async function written(files: ReturnType<typeof modelFolderFiles>): Promise<Record<string, Uint8Array>> {
  const whole: Record<string, Uint8Array> = {};
  for (const [name, content] of Object.entries(files)) {
    const parts: Uint8Array[] = [];
    for await (const part of content instanceof Uint8Array ? [content] : content()) parts.push(part);
    whole[name] = new Uint8Array(Buffer.concat(parts));
  }
  return whole;
}

describe('a Hugging Face folder', () => {
  test('opens, and written again gives the same tensors', async () => {
    const model = await openModelFolder('nano', nano());
    expect(model.parameters).toBeGreaterThan(150_000);
    const again = await openModelFolder('again', await written(modelFolderFiles(model, model.weights)));
    expect(again.weights.names).toEqual(model.weights.names);
    for (const name of model.weights.names) {
      expect(again.weights.shape(name)).toEqual(model.weights.shape(name));
      expect(await again.weights.read(name)).toEqual(await model.weights.read(name));
    }
  });

  test('as the Hub has it: names without a prefix, masks beside weights in types that are not read', async () => {
    const { tensors } = readGolden('gpt2');
    const stored = new Map([...tensors].map(([name, tensor]) => [name.replace('transformer.', ''), tensor]));
    stored.set('h.0.attn.bias', { shape: [1, 1, 2, 2], data: new Float32Array(4) });
    const weights = writeSafetensors(stored);
    const header = new TextDecoder().decode(weights).indexOf('"h.0.attn.bias":{"dtype":"F32"');
    weights.set(new TextEncoder().encode('I32'), header + '"h.0.attn.bias":{"dtype":"'.length);
    const files = {
      'config.json': new Uint8Array(readFileSync('src/model/goldens/gpt2/config.json')),
      'tokenizer.json': new Uint8Array(readFileSync('src/text/goldens/gpt2/tokenizer.json')),
      'model.safetensors': weights,
    };
    const model = await openModelFolder('gpt2', files);
    expect(await readTensors(model.weights)).toEqual(tensors);
  });

  test('says of the weights it writes that they are F32, and changes nothing else of config.json', async () => {
    const files = nano();
    const plain = JSON.parse(new TextDecoder().decode(files['config.json'])) as Record<string, unknown>;
    const text = (dtype: object, cap: string): string =>
      JSON.stringify({ ...plain, torch_dtype: undefined, dtype: undefined, cap: 'CAP', ...dtype }).replace(
        '"CAP"',
        cap,
      );
    const written = async (config: string): Promise<string> => {
      const model = await openModelFolder('nano', {
        ...files,
        'config.json': new TextEncoder().encode(config),
      });
      return new TextDecoder().decode(model.companions['config.json']);
    };
    for (const key of ['torch_dtype', 'dtype']) {
      const found = await written(text({ [key]: 'bfloat16' }, '30.0'));
      expect(found).toBe(text({ [key]: 'float32' }, '30.0'));
    }
    expect(await written(text({}, '1e6'))).toBe(text({}, '1e6'));
  });

  test('keeps a value head beside it', async () => {
    const head = new Map<string, NamedTensor>([
      ['v_head.weight', { shape: [1, 64], data: new Float32Array(64).fill(0.5) }],
      ['v_head.bias', { shape: [1], data: Float32Array.of(2) }],
    ]);
    const model = await openModelFolder('nano', { ...nano(), 'value_head.safetensors': valueHeadFile(head) });
    expect(await model.weights.read('v_head.bias')).toEqual(Float32Array.of(2));
    expect(Object.keys(modelFolderFiles(model, model.weights))).not.toContain('value_head.safetensors');
  });

  test('is refused by name when a file is missing or broken', async () => {
    const without = nano();
    delete without['tokenizer.json'];
    expect(await refusal(openModelFolder('x', without))).toContain('tokenizer.json');
    expect(await refusal(openModelFolder('x', { ...nano(), 'config.json': json('{') }))).toContain(
      'config.json',
    );
  });

  test('of another architecture is refused with what can be trained', () => {
    const config = JSON.parse(new TextDecoder().decode(nano()['config.json'])) as Record<string, unknown>;
    expect(() => parseModelConfig({ ...config, architectures: ['MambaForCausalLM'] })).toThrow(
      /MambaForCausalLM.*LlamaForCausalLM/,
    );
    expect(() => parseModelConfig({ ...config, hidden_size: undefined })).toThrow(/hidden_size/);
    const stretched = { ...config, rope_scaling: { rope_type: 'longrope', factor: 2 } };
    expect(() => parseModelConfig(stretched)).toThrow(/longrope/);
    expect(() => parseModelConfig({ ...config, hidden_act: 'mish' })).toThrow(/mish/);
  });
});

describe('a safetensors file that lies', () => {
  const good = writeSafetensors(new Map([['a', { shape: [2, 3], data: new Float32Array(6) }]]));
  const withHeader = (header: unknown): Uint8Array => {
    const text = json(header);
    const bytes = new Uint8Array(8 + text.length + 24);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
    bytes.set(text, 8);
    return bytes;
  };

  test.each([
    ['about its header’s length', good.slice(0, 20), /claims/],
    ['by being empty', new Uint8Array(3), /3 bytes/],
    ['about a byte range', withHeader({ a: { dtype: 'F32', shape: [2, 3], data_offsets: [0, 999] } }), /999/],
    ['about a shape', withHeader({ a: { dtype: 'F32', shape: [2, 2], data_offsets: [0, 24] } }), /\[2, 2\]/],
    [
      'by a negative dim',
      withHeader({ a: { dtype: 'F32', shape: [-2, 3], data_offsets: [0, 24] } }),
      /no shape/,
    ],
    [
      'by a type the lab does not read',
      withHeader({ a: { dtype: 'I8', shape: [24], data_offsets: [0, 24] } }),
      /I8/,
    ],
  ])('%s is refused in a sentence', (_, bytes, sentence) => {
    expect(() => readSafetensors(bytes)).toThrow(sentence);
  });

  test('F16 and BF16 are read as f32', () => {
    const header = json({
      h: { dtype: 'F16', shape: [3], data_offsets: [0, 6] },
      b: { dtype: 'BF16', shape: [2], data_offsets: [6, 10] },
    });
    const bytes = new Uint8Array(8 + header.length + 10);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
    bytes.set(header, 8);
    // 1.5, −2 and the smallest subnormal; 1 and −0.5.
    bytes.set(
      new Uint8Array(new Uint16Array([0x3e00, 0xc000, 0x0001, 0x3f80, 0xbf00]).buffer),
      8 + header.length,
    );
    const tensors = readSafetensors(bytes);
    expect([...(tensors.get('h')?.data ?? [])]).toEqual([1.5, -2, 2 ** -24]);
    expect([...(tensors.get('b')?.data ?? [])]).toEqual([1, -0.5]);
  });
});
