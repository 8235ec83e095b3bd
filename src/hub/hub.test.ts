import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LabError } from '../errors';
import { readAll } from '../model/byte_source';
import { download, neededFiles, type DownloadProgress } from './download';
import { Hub } from './hub';
import { folderName, Library } from './library';
import { parseRepository } from './repository';
import { onnxVariants } from './onnx_variants';
import { MemoryStore } from './store';
import { HubServer, TOKEN } from './testing';

const file = (name: string): Uint8Array => new Uint8Array(readFileSync(`public/models/nano/${name}`));
const NAMES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'model.safetensors',
];
const NANO = Object.fromEntries(NAMES.map((name) => [name, file(name)]));
const NEW = 'b'.repeat(40);
const OLD = 'a'.repeat(40);
const notes = new TextEncoder().encode('notes');
const ID = 'lab/nano';

const server = new HubServer([
  {
    id: ID,
    commits: {
      [OLD]: NANO,
      [NEW]: { ...NANO, 'README.md': notes, 'pytorch_model.bin': notes, 'onnx/model.onnx': notes },
    },
    refs: { main: NEW, 'v1.0': OLD },
  },
  { id: 'lab/closed', commits: { [OLD]: NANO }, refs: { main: OLD }, gated: true },
  {
    id: 'lab/graphs',
    commits: {
      [OLD]: {
        'config.json': file('config.json'),
        'tokenizer.json': file('tokenizer.json'),
        'vocab.json': notes,
        'onnx/decoder_with_past_model.onnx': notes,
        'onnx/model_q4.onnx': new Uint8Array(7),
        'onnx/model.onnx': new Uint8Array(20),
        'onnx/model.onnx_data': new Uint8Array(300_000).fill(1),
        'onnx/model.onnx_data_1': new Uint8Array(5),
      },
    },
    refs: { main: OLD },
  },
  {
    id: 'lab/pickled',
    commits: { [OLD]: { 'config.json': notes, 'pytorch_model.bin': notes } },
    refs: { main: OLD },
  },
]);
let url = '';
beforeAll(async () => {
  url = await server.listen();
});
afterAll(() => server.close());
beforeEach(() => {
  Object.assign(server, { breakAfter: undefined, ignoresRanges: false, damages: false, pause: 0 });
  server.requests.length = 0;
});

const look = (text: string, token?: string) => new Hub({ url, token }).look(parseRepository(text));

/** The sentence of the LabError a promise rejects with. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LabError);
  return (error as LabError).message;
}

async function fetched(
  store: MemoryStore,
  options: { signal?: AbortSignal; states?: DownloadProgress[] } = {},
) {
  const repository = await look(ID);
  const { signal = new AbortController().signal, states = [] } = options;
  return download(new Hub({ url }), repository, store, (state) => states.push(state), signal);
}

/** Whether the store holds exactly what the server has. */
async function isWhole(store: MemoryStore): Promise<boolean> {
  const folder = await store.folder(folderName(ID, NEW));
  for (const name of NAMES) {
    const here = await readAll(await folder.open(name));
    if (Buffer.compare(here, NANO[name] ?? notes) !== 0) return false;
  }
  return true;
}

describe('what people write for a repository', () => {
  test.each([
    ['HuggingFaceTB/SmolLM2-135M', 'HuggingFaceTB/SmolLM2-135M', 'main'],
    [' gpt2 ', 'gpt2', 'main'],
    ['a/b@v1.0', 'a/b', 'v1.0'],
    ['https://huggingface.co/a/b', 'a/b', 'main'],
    ['huggingface.co/a/b/tree/v2?x=1#files', 'a/b', 'v2'],
    ['https://hf.co/a/b/blob/abc/config.json', 'a/b', 'abc'],
    ['https://huggingface.co/gpt2/tree/main', 'gpt2', 'main'],
  ])('%s', (text, id, revision) => {
    expect(parseRepository(text)).toEqual({ id, revision });
  });

  test.each([
    '',
    'a b',
    'a/b/c',
    '../x',
    'a/b@',
    'https://huggingface.co/datasets/a/b',
    'https://example.com/a/b',
  ])('%j is refused', (text) => expect(() => parseRepository(text)).toThrow(/owner\/name/));
});

describe('a repository of the Hub', () => {
  test('is listed at the commit its revision stands for, in pages', async () => {
    const repository = await look(ID);
    expect(repository).toMatchObject({ id: ID, revision: NEW, gated: false });
    expect(repository.files).toHaveLength(8);
    expect((await look(`${ID}@v1.0`)).revision).toBe(OLD);
    expect((await look(`${ID}@${OLD}`)).files).toHaveLength(5);
    const weights = repository.files.find(({ path }) => path === 'model.safetensors');
    expect(weights?.size).toBe(NANO['model.safetensors']?.length);
    expect(weights?.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test('of which only what the lab needs is taken, weights last', async () => {
    const needed = neededFiles(await look(ID)).map(({ path }) => path);
    expect([...needed].sort()).toEqual([...NAMES].sort());
    expect(needed.at(-1)).toBe('model.safetensors');
  });

  test('that is missing, gated, at no such revision, pickled or unreachable is explained', async () => {
    expect(await refusal(look('lab/none'))).toMatch(/no model lab\/none.*private/);
    expect(await refusal(look('lab/none', TOKEN))).toMatch(/access token does not open it/);
    expect(await refusal(look(`${ID}@v9`))).toMatch(/no revision "v9"/);
    const pickled = await look('lab/pickled');
    expect(() => neededFiles(pickled)).toThrow(/pickled/);
    const closed = await look('lab/closed');
    expect(closed.gated).toBe(true);
    expect(await refusal(new Hub({ url }).read(closed, 'config.json'))).toMatch(
      /gated.*Agree at .*access token/,
    );
    expect((await new Hub({ url, token: TOKEN }).read(closed, 'config.json')).length).toBeGreaterThan(0);
    expect(await refusal(new Hub({ url }).read(closed, 'nope.json'))).toMatch(/gated/);
    expect(await refusal(new Hub({ url: 'http://127.0.0.1:9' }).look(parseRepository(ID)))).toMatch(
      /127\.0\.0\.1:9 could not be reached/,
    );
  });
});

describe('a repository that holds only ONNX', () => {
  test('offers its graphs with their bytes, weights beside them counted, the most exact first', async () => {
    const repository = await look('lab/graphs');
    expect(onnxVariants(repository.files)).toMatchObject([
      { file: 'onnx/model.onnx', bytes: 300_025 },
      { file: 'onnx/model_q4.onnx', bytes: 7 },
    ]);
    const names = (variant?: string) => neededFiles(repository, variant).map(({ path }) => path);
    const small = ['config.json', 'tokenizer.json'];
    expect(names()).toEqual([...small, ...['', '_data', '_data_1'].map((end) => `onnx/model.onnx${end}`)]);
    expect(names('onnx/model_q4.onnx')).toEqual([...small, 'onnx/model_q4.onnx']);
    expect(() => names('onnx/model_fp16.onnx')).toThrow(
      'has no graph onnx/model_fp16.onnx. It has onnx/model.onnx, onnx/model_q4.onnx',
    );
    const address = 'https://huggingface.co/lab/graphs/blob/main/onnx/model_q4.onnx';
    expect(parseRepository(address)).toEqual({
      id: 'lab/graphs',
      revision: 'main',
      file: 'onnx/model_q4.onnx',
    });
    const onlyPast = repository.files.filter(({ path }) => !/\/model/.test(path));
    expect(() => neededFiles({ id: 'lab/graphs', files: onlyPast })).toThrow('cannot begin a text');
  });

  test('is downloaded graph by graph, each in a folder of its own, and opens to be asked', async () => {
    const store = new MemoryStore();
    const hub = new Hub({ url });
    const repository = await look('lab/graphs');
    const { signal } = new AbortController();
    const fetch = (variant: string) =>
      download(hub, repository, store, () => undefined, signal, variant).then((folder) => folder ?? '');
    const library = new Library(store);
    server.breakAfter = 10;
    expect(await refusal(fetch('onnx/model.onnx'))).toMatch(/broke at 10 of 20 bytes of onnx\/model.onnx/);
    const whole = await fetch('onnx/model.onnx');
    const small = await fetch('onnx/model_q4.onnx');
    expect((await library.list()).map(({ file, bytes }) => [file, bytes > 300_000])).toEqual([
      ['onnx/model.onnx', true],
      ['onnx/model_q4.onnx', false],
    ]);
    const model = await library.open(whole);
    if (!('graph' in model)) throw new Error('it opened to be trained');
    expect(model.external.map(({ path, data }) => [path, data.length])).toEqual([
      ['model.onnx_data', 300_000],
      ['model.onnx_data_1', 5],
    ]);
    expect(model.origin).toEqual({ id: 'lab/graphs', revision: OLD, file: 'onnx/model.onnx' });
    expect(model.tokenizer.vocabSize).toBeGreaterThan(100);
    expect(await library.open(small)).toMatchObject({ file: 'model_q4.onnx', external: [] });
  });
});

describe('a download', () => {
  test('brings every file, says how far it is, and is opened without a connection', async () => {
    const store = new MemoryStore();
    const states: DownloadProgress[] = [];
    const folder = await fetched(store, { states });
    expect(folder).toBe(`lab--nano@${NEW}`);
    expect(await isWhole(store)).toBe(true);
    const total = NAMES.reduce((sum, name) => sum + (NANO[name]?.length ?? 0), 0);
    expect(states.at(-1)).toEqual({ file: 'model.safetensors', done: total, total });
    expect(states.every(({ done }, i) => done >= (states[i - 1]?.done ?? 0))).toBe(true);
    const library = new Library(store);
    expect(await library.list()).toMatchObject([
      { id: ID, revision: NEW, complete: true, bytes: total, present: total },
    ]);
    server.requests.length = 0;
    const model = await library.open(folder ?? '');
    expect(server.requests).toEqual([]);
    expect(model).toMatchObject({ name: ID, origin: { id: ID, revision: NEW } });
    expect(await model.hash()).toBe(
      (await look(ID)).files.find(({ path }) => path === 'model.safetensors')?.sha256,
    );
    await library.remove(folder ?? '');
    expect(await library.list()).toEqual([]);
    expect(await refusal(library.open(folder ?? ''))).toMatch(/not here any more/);
  });

  test('whose connection breaks keeps what arrived and goes on from there', async () => {
    const store = new MemoryStore();
    server.breakAfter = 100_000;
    expect(await refusal(fetched(store))).toMatch(/broke at \d+ of \d+ bytes of model.safetensors.*resume/);
    const [part] = await new Library(store).list();
    expect(part).toMatchObject({ complete: false });
    expect(part?.present).toBeGreaterThan(100_000);
    expect(await refusal(new Library(store).open(part?.folder ?? ''))).toMatch(/only in part/);
    server.requests.length = 0;
    await fetched(store);
    expect(
      server.requests
        .filter((line) => line.includes('/resolve/'))
        .every((line) => line.endsWith('bytes=100000-')),
    ).toBe(true);
    expect(await isWhole(store)).toBe(true);
  });

  test('is paused and goes on', async () => {
    const store = new MemoryStore();
    const control = new AbortController();
    server.pause = 5;
    const states: DownloadProgress[] = [];
    const paused = download(
      new Hub({ url }),
      await look(ID),
      store,
      (state) => {
        states.push(state);
        if (state.file === 'model.safetensors') setTimeout(() => control.abort(), 60);
      },
      control.signal,
    );
    expect(await paused).toBeUndefined();
    const [part] = await new Library(store).list();
    expect(part).toMatchObject({ complete: false });
    server.pause = 0;
    server.requests.length = 0;
    expect(await fetched(store)).toBe(`lab--nano@${NEW}`);
    expect(await isWhole(store)).toBe(true);
    expect(server.requests.some((line) => /model\.safetensors bytes=\d+-$/.test(line))).toBe(true);
  });

  test('from a server without ranges starts the file again', async () => {
    const store = new MemoryStore();
    server.breakAfter = 50_000;
    await refusal(fetched(store));
    server.ignoresRanges = true;
    await fetched(store);
    expect(await isWhole(store)).toBe(true);
  });

  test('that comes damaged is said, deleted and fetched again', async () => {
    const store = new MemoryStore();
    server.damages = true;
    expect(await refusal(fetched(store))).toMatch(/model\.safetensors.*damaged.*SHA-256/);
    const folder = await store.folder(folderName(ID, NEW));
    expect(await folder.size('model.safetensors')).toBeUndefined();
    server.damages = false;
    await fetched(store);
    expect(await isWhole(store)).toBe(true);
  });
});
