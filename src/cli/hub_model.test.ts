import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HubServer, TOKEN } from '../hub/testing';
import { isHubName, openHubModel } from './hub_model';
import { Io } from './io';

const NAMES = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'];
const nano = Object.fromEntries(
  NAMES.map((name) => [name, new Uint8Array(readFileSync(`public/models/nano/${name}`))]),
);
const graph = Object.fromEntries(Object.entries(nano).filter(([name]) => !name.startsWith('model.')));
const COMMIT = 'd'.repeat(40);
const server = new HubServer([
  { id: 'lab/nano', commits: { [COMMIT]: nano }, refs: { main: COMMIT } },
  {
    id: 'lab/graph',
    commits: { [COMMIT]: { ...graph, 'onnx/model_q8.onnx': new Uint8Array(9) } },
    refs: { main: COMMIT },
  },
  { id: 'lab/closed', commits: { [COMMIT]: nano }, refs: { main: COMMIT }, gated: true },
]);
const KEYS = ['REFT_LAB_CACHE', 'HF_ENDPOINT', 'HF_TOKEN'];
const before = KEYS.map((key) => process.env[key]);
let cache: string;
beforeAll(async () => {
  process.env.HF_ENDPOINT = await server.listen();
});
afterAll(() => {
  server.close();
  KEYS.forEach((key, i) => {
    if (before[i] === undefined) delete process.env[key];
    else process.env[key] = before[i];
  });
});
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'reft-lab-hub-'));
  process.env.REFT_LAB_CACHE = cache;
  delete process.env.HF_TOKEN;
  server.requests.length = 0;
});
afterEach(() => rm(cache, { recursive: true, force: true }));

/** What a command says beside its result. */
function listener(signal = new AbortController().signal): { io: Io; said: () => string } {
  let text = '';
  const sink = new Writable({
    write: (chunk: Buffer, _, done) => {
      text += chunk.toString();
      done();
    },
  });
  const io = new Io(false, signal, sink, sink as unknown as NodeJS.WriteStream);
  return { io, said: () => text };
}

describe('a model of the Hub on the command line', () => {
  test('is said, fetched once, kept, and needs no connection when named by its commit', async () => {
    const { io, said } = listener();
    const model = await openHubModel('lab/nano', io);
    expect(model.origin).toEqual({ id: 'lab/nano', revision: COMMIT });
    expect(said()).toMatch(/lab\/nano at commit d{40}: \d+\.\d MiB to download .* on the GPU as f32/);
    const folder = join(cache, 'models', `lab--nano@${COMMIT}`);
    expect(await readdir(folder)).toEqual(expect.arrayContaining(NAMES));
    expect(
      Buffer.compare(
        await readFile(join(folder, 'model.safetensors')),
        nano['model.safetensors'] ?? new Uint8Array(),
      ),
    ).toBe(0);
    server.requests.length = 0;
    await openHubModel('lab/nano', io);
    expect(server.requests.filter((line) => line.includes('/resolve/'))).toEqual([]);
    server.requests.length = 0;
    const again = await openHubModel(`lab/nano@${COMMIT}`, io);
    expect(await again.hash()).toBe(await model.hash());
    expect(server.requests).toEqual([]);
  });

  test('that is ONNX alone is refused before anything is fetched when it is to be trained, and opened to be asked', async () => {
    await expect(openHubModel('lab/graph', listener().io)).rejects.toThrow('lab/graph is an ONNX graph');
    expect(server.requests.filter((line) => line.includes('/resolve/'))).toEqual([]);
    const { io, said } = listener();
    expect(await openHubModel('lab/graph', io, 'ask')).toMatchObject({ file: 'model_q8.onnx' });
    expect(said()).toContain('of its graphs onnx/model_q8.onnx');
  });

  test('goes on after a broken connection', async () => {
    server.breakAfter = 60_000;
    await expect(openHubModel('lab/nano', listener().io)).rejects.toThrow(/connection broke/);
    server.requests.length = 0;
    await openHubModel('lab/nano', listener().io);
    expect(server.requests.some((line) => line.endsWith('model.safetensors bytes=60000-'))).toBe(true);
  });

  test('stops at Ctrl-C and keeps what arrived', async () => {
    const control = new AbortController();
    control.abort();
    await expect(openHubModel('lab/nano', listener(control.signal).io)).rejects.toThrow(/is kept/);
  });

  test('that is gated opens with HF_TOKEN; one that is missing is no folder either', async () => {
    await expect(openHubModel('lab/closed', listener().io)).rejects.toThrow(/gated/);
    process.env.HF_TOKEN = TOKEN;
    expect((await openHubModel('lab/closed', listener().io)).name).toBe('lab/closed');
    await expect(openHubModel('lab/none', listener().io)).rejects.toThrow(
      /no model folder "lab\/none" here.*There is no model/,
    );
  });
});

test('names of the Hub are told from folders', () => {
  for (const name of ['a/b', 'a/b@v1', 'https://huggingface.co/a/b']) expect(isHubName(name)).toBe(true);
  for (const name of ['nano', './a/b/c', '/a/b', 'a/b/c', 'runs/x/checkpoints/40'])
    expect(isHubName(name)).toBe(false);
});
