import { IDBFactory } from 'fake-indexeddb';
import 'fake-indexeddb/auto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { remembered } from './adapter_cache';

type Table = Record<string, string>;
const isTable = (value: unknown): value is Table =>
  typeof value === 'object' && value !== null && 'nt' in value;

let measured = 0;
const measure = async (): Promise<Table> => ({ nt: `measurement ${++measured}` });

beforeEach(() => {
  measured = 0;
  globalThis.indexedDB = new IDBFactory();
});
afterEach(() => (globalThis.indexedDB = new IDBFactory()));

test('measures once an adapter, and again for another', async () => {
  expect(await remembered('llvmpipe 0.1.0', isTable, measure)).toEqual({ nt: 'measurement 1' });
  expect(await remembered('llvmpipe 0.1.0', isTable, measure)).toEqual({ nt: 'measurement 1' });
  expect(await remembered('SwiftShader 0.1.0', isTable, measure)).toEqual({ nt: 'measurement 2' });
});

test('measures again when what is kept is not valid any more', async () => {
  await remembered(
    'llvmpipe',
    (value): value is Table => value !== undefined,
    async () => ({ old: 'form' }),
  );
  expect(await remembered('llvmpipe', isTable, measure)).toEqual({ nt: 'measurement 1' });
  expect(await remembered('llvmpipe', isTable, measure)).toEqual({ nt: 'measurement 1' });
});

test('works where nothing can be kept', async () => {
  globalThis.indexedDB = {
    open: () => {
      throw new Error('private window');
    },
  } as unknown as IDBFactory;
  expect(await remembered('llvmpipe', isTable, measure)).toEqual({ nt: 'measurement 1' });
  expect(await remembered('llvmpipe', isTable, measure)).toEqual({ nt: 'measurement 2' });
});

test('says what went wrong when measuring fails', async () => {
  await expect(
    remembered('llvmpipe', isTable, () => Promise.reject(new Error('device lost'))),
  ).rejects.toThrow('device lost');
});
