import { describe, expect, it } from 'vitest';
import type { ModelLookup } from '../../worker/protocol';
import { downloadSentence, hasRoom, hubServer, lookupSentences, type Download } from './hub';

const MIB = 2 ** 20;
const lookup: ModelLookup = {
  id: 'a/b',
  asked: 'main',
  revision: 'c'.repeat(40),
  folder: 'a--b',
  gated: false,
  files: [],
  bytes: 256 * MIB,
  present: 0,
  architecture: 'LlamaForCausalLM',
  parameters: 1,
  needs: [
    { label: 'to ask it', bytes: 600 * MIB, fits: true },
    { label: 'to train all of it', bytes: 0, fits: false },
  ],
  room: 1024 * MIB,
  variants: [],
  file: null,
  untrainable: null,
  refusal: null,
};
const said = (change: Partial<ModelLookup>) => lookupSentences({ ...lookup, ...change }).join(' ');

describe('a looked-up model', () => {
  it('says what is downloaded, what it takes and whether there is room', () => {
    expect(said({})).toMatch(
      /^256 MiB to download\. This browser has room for 1 GiB\. On the GPU: 600 MiB to ask it, more than this GPU binds to train all of it\./,
    );
    expect(said({ present: 100 * MIB })).toMatch(/^156 MiB of 256 MiB are still to be downloaded/);
    expect(said({ present: 256 * MIB })).toMatch(/^All of it is here already\. On the GPU/);
    expect(said({ room: 100 * MIB })).toMatch(/room for 100 MiB only: delete/);
    expect(said({ room: null, needs: [] })).toBe('256 MiB to download.');
    expect(said({ gated: true })).toMatch(/gated.*access token/);
  });

  it('has room for what is missing, not for all of it', () => {
    expect(hasRoom({ ...lookup, room: 100 * MIB })).toBe(false);
    expect(hasRoom({ ...lookup, room: 100 * MIB, present: 200 * MIB })).toBe(true);
    expect(hasRoom({ ...lookup, room: null })).toBe(true);
  });
});

describe('a download', () => {
  const going: Download = {
    id: 'a/b',
    revision: 'c',
    graph: null,
    state: 'going',
    file: 'model.safetensors',
    done: 60 * MIB,
    total: 100 * MIB,
    from: 20 * MIB,
    since: 1000,
    at: 5000,
    message: null,
  };

  it('says how far and how fast it is, by what came since it began or was resumed', () => {
    expect(downloadSentence(going)).toBe('60 MiB of 100 MiB, 10 MiB/s, 4.0 s left');
    expect(downloadSentence({ ...going, at: 1500 })).toBe('60 MiB of 100 MiB');
    expect(downloadSentence({ ...going, state: 'paused' })).toMatch(
      /^Paused at 60 MiB of 100 MiB; what has arrived is kept/,
    );
    expect(downloadSentence({ ...going, state: 'failed' })).toMatch(/^Stopped at/);
  });
});

it('another server is named in the address, by http alone', () => {
  expect(hubServer('?hub=http%3A%2F%2F127.0.0.1%3A8000')).toBe('http://127.0.0.1:8000');
  expect(hubServer('?hub=javascript:alert(1)')).toBeNull();
  expect(hubServer('')).toBeNull();
});
