import { readFileSync } from 'node:fs';
import { zipSync, type Zippable } from 'fflate';
import { describe, expect, test } from 'vitest';
import { LabError } from '../errors';
import { bytesSource, rangeSource, type ByteSource } from '../model/byte_source';
import { openModelFolder } from '../model/folder';
import { readZip } from '../model/zip_source';
import { openZippedModel } from './dropped_zip';
import { MemoryStore } from './store';

const NAMES = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'];
const file = (name: string): Uint8Array => new Uint8Array(readFileSync(`public/models/nano/${name}`));

/** The bundled model as a .zip made by another library. */
function zipped(prefix: string, level: 0 | 6): Uint8Array {
  const entries: Zippable = { 'README.txt': [new Uint8Array([1]), { level }] };
  for (const name of NAMES) entries[prefix + name] = [file(name), { level }];
  return zipSync({ ...entries, [`__MACOSX/${prefix}._config.json`]: new Uint8Array([0]) });
}

const open = async (source: ByteSource) => openZippedModel(source, await new MemoryStore().folder('x'));

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LabError);
  return (error as LabError).message;
}

describe.each([0, 6] as const)('a model packed at level %i', (level) => {
  test.each(['', 'SmolLM2/', 'a/b/'])('opens from "%s"', async (prefix) => {
    const model = await openModelFolder('zipped', await open(bytesSource(zipped(prefix, level))));
    const plain = await openModelFolder('plain', Object.fromEntries(NAMES.map((name) => [name, file(name)])));
    expect(await model.hash()).toBe(await plain.hash());
    const [name = ''] = model.weights.names;
    expect(await model.weights.read(name)).toEqual(await plain.weights.read(name));
  });
});

test('stored weights are read in place', async () => {
  const zip = zipped('', 0);
  let read = 0;
  const counted: ByteSource = {
    size: zip.length,
    read: async (begin, end) => {
      read += end - begin;
      return zip.subarray(begin, end);
    },
  };
  await open(counted);
  expect(read).toBeLessThan(70_000);
});

test('what is no zip, cut off, damaged or no model is refused in a sentence', async () => {
  const zip = zipped('', 6);
  expect(await refusal(open(bytesSource(new Uint8Array(100))))).toMatch(/not a \.zip/);
  expect(await refusal(open(rangeSource(bytesSource(zip), 0, zip.length - 30)))).toMatch(
    /not a \.zip, or it was cut off/,
  );
  expect(await refusal(open(bytesSource(zipSync({ 'notes.txt': new Uint8Array([1]) }))))).toMatch(
    /neither a run/,
  );
  const damaged = zip.slice();
  const [, weights] = (await readZip(bytesSource(zip))).filter(({ name }) => NAMES.includes(name));
  damaged.fill(0xff, (weights?.offset ?? 0) + 200, (weights?.offset ?? 0) + 400);
  expect(await refusal(open(bytesSource(damaged)))).toMatch(/damaged/);
  // A bomb: the directory says less than there is.
  const lying = zip.slice();
  const view = new DataView(lying.buffer);
  for (let at = 0; at + 46 < lying.length; at++) {
    if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 24, 10, true);
  }
  expect(await refusal(open(bytesSource(lying)))).toMatch(/damaged/);
});
