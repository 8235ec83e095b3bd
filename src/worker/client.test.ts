import { expect, it } from 'vitest';
import { LabError } from '../errors';
import { EngineClient, type EnginePort, type RunEvent } from './client';
import type { Command, Event } from './protocol';

/** The other end of a client's port: what was sent, and a way to answer. */
function connect() {
  const sent: { command: Command; transfer: Transferable[] }[] = [];
  const port: EnginePort = {
    postMessage: (command, transfer) => sent.push({ command, transfer }),
    onmessage: null,
    onerror: null,
    onmessageerror: null,
    terminate: () => undefined,
  };
  const client = new EngineClient(port);
  const say = (event: Event) => port.onmessage?.(new MessageEvent('message', { data: event }));
  const fail = (message: string) => port.onerror?.({ message } as ErrorEvent);
  return { client, sent, say, fail };
}

it('answers each command with its own reply, in whatever order they come', async () => {
  const { client, say } = connect();
  const first = client.request('list_runs', {});
  const second = client.request('start', {
    run: {
      recipe: 'sft',
      preset: 'demo',
      config: {},
      model: 'm',
      dataset: 'd',
      evalDataset: null,
      init: { kind: 'model' },
      name: null,
    },
  });
  say({ type: 'reply', request: 2, command: 'start', value: { run: 'a' } });
  say({ type: 'reply', request: 1, command: 'list_runs', value: [] });
  expect(await first).toEqual([]);
  expect(await second).toEqual({ run: 'a' });
});

it('rejects with the typed error of the engine', async () => {
  const { client, say } = connect();
  const open = client.request('open_bundled_model', { id: 'huge' });
  say({ type: 'error', request: 1, code: 'bad_input', message: 'There is no bundled model "huge".' });
  await expect(open).rejects.toMatchObject({
    code: 'bad_input',
    message: 'There is no bundled model "huge".',
  });
});

it('tells of a failure that no command waits for', () => {
  const { client, say } = connect();
  const heard: LabError[] = [];
  client.onTrouble((error) => heard.push(error));
  say({ type: 'trouble', code: 'out_of_memory', message: 'No room for the second run.' });
  expect(heard).toMatchObject([{ code: 'out_of_memory', message: 'No room for the second run.' }]);
});

it('refuses a reply of another type than its command', async () => {
  const { client, say } = connect();
  const open = client.request('list_runs', {});
  say({ type: 'reply', request: 1, command: 'pause', value: null });
  await expect(open).rejects.toBeInstanceOf(LabError);
});

it('hands file bytes over instead of copying them', () => {
  const { client, sent } = connect();
  const bytes = new ArrayBuffer(8);
  void client.request('open_dataset', { file: { name: 'a.jsonl', bytes } });
  expect(sent[0]?.transfer).toEqual([bytes]);
  expect(sent[0]?.command).toMatchObject({ type: 'open_dataset', request: 1 });
});

it('passes run events on until told to stop', () => {
  const { client, say } = connect();
  const heard: RunEvent[] = [];
  const stop = client.onRunEvent((event) => heard.push(event));
  const event: Event = { type: 'run_metrics', run: 'a', rows: [] };
  say(event);
  stop();
  say(event);
  expect(heard).toEqual([event]);
});

it('rejects everything, then and later, when the worker cannot be loaded', async () => {
  const { client, fail } = connect();
  const open = client.request('capability', {});
  fail('');
  await expect(open).rejects.toMatchObject({ code: 'bug' });
  await expect(client.request('list_runs', {})).rejects.toThrow(/could not be loaded/);
});

it('reports an uncaught fault of a worker that goes on', async () => {
  const { client, fail, say } = connect();
  const troubles: LabError[] = [];
  client.onTrouble((error) => troubles.push(error));
  say({ type: 'run_metrics', run: 'a', rows: [] });
  const open = client.request('list_runs', {});
  fail('oops');
  say({ type: 'reply', request: 1, command: 'list_runs', value: [] });
  expect(await open).toEqual([]);
  expect(troubles[0]?.message).toMatch(/oops/);
});
