import { zipSync, strToU8 } from 'fflate';
import { describe, expect, it } from 'vitest';
import { MemoryFolder } from './memory_folder';
import { openRun, parseRunRecord, settleInterrupted } from './open_run';
import { newRunId, nextRunName, spokenName } from './run_names';
import { exportRun, importRun } from './run_zip';
import { RunWriter } from './run_writer';
import { exampleRecord } from './testing';

async function exampleRun(): Promise<MemoryFolder> {
  const folder = new MemoryFolder();
  const writer = await RunWriter.create(folder, exampleRecord({ status: 'done' }), ['loss']);
  await writer.metrics({ step: 1, timestamp: 1, values: { loss: 0.1 } });
  await writer.files('checkpoints/40', { 'model.safetensors': crypto.getRandomValues(new Uint8Array(5000)) });
  await writer.files('model', { 'config.json': strToU8('{}') });
  await folder.write('checkpoints/50.partial/model.safetensors', new Uint8Array([1]));
  return folder;
}

const never = async (): Promise<never> => {
  throw new Error('A folder was made for a file that should have been refused.');
};

describe('a run as a .zip', () => {
  it('opens again, file by file, without half-written checkpoints', async () => {
    const folder = await exampleRun();
    const copy = new MemoryFolder();
    const record = await importRun(await exportRun(folder), async () => copy);
    expect(record).toEqual(exampleRecord({ status: 'done' }));
    const files = (await folder.list()).filter((path) => !path.includes('.partial'));
    expect(await copy.list()).toEqual(files);
    for (const file of files) expect(await copy.read(file)).toEqual(await folder.read(file));
  });

  it('opens when its folder was packed again by hand, and may take another id', async () => {
    const folder = await exampleRun();
    const files: Record<string, Uint8Array> = {
      '__MACOSX/run.json': strToU8('junk'),
      'my run/.DS_Store': strToU8('x'),
    };
    for (const path of await folder.list()) files[`my run/${path}`] = await folder.read(path);
    const copy = new MemoryFolder();
    await importRun(
      zipSync(files),
      async () => copy,
      (record) => ({ ...record, id: 'other' }),
    );
    expect((await openRun(copy)).record.id).toBe('other');
    expect(await copy.exists('.DS_Store')).toBe(false);
  });

  it('refuses each thing that is no run, in a sentence, and makes no folder', async () => {
    const record = strToU8(JSON.stringify(exampleRecord()));
    const good = await exportRun(await exampleRun());
    const cases: [Uint8Array, RegExp][] = [
      [strToU8('hello'), /not a \.zip/],
      [strToU8(`PK${'x'.repeat(100)}`), /damaged/],
      [good.slice(0, good.length / 2), /damaged/],
      [zipSync({ 'notes.txt': strToU8('hi') }), /no run\.json/],
      [zipSync({ 'run.json': strToU8('{"format": 2}') }), /format 2/],
      [zipSync({ 'run.json': strToU8('{') }), /not JSON/],
      [zipSync({ 'run.json': record, 'metrics.csv': strToU8('step,timestamp,loss\n1,2,x\n') }), /Line 2/],
      [zipSync({ 'run.json': record, 'model/../../evil': strToU8('x') }), /not a path inside/],
      [zipSync({ 'run.json': record, 'model/a': new Uint8Array(2 ** 24) }), /would unpack to 2 files/],
    ];
    for (const [bytes, sentence] of cases) {
      await expect(importRun(bytes, never)).rejects.toMatchObject({
        code: 'bad_input',
        message: expect.stringMatching(sentence) as string,
      });
    }
  });

  it('refuses a .zip whose sizes lie', async () => {
    const bytes = zipSync({ 'run.json': strToU8(JSON.stringify(exampleRecord())) });
    const view = new DataView(bytes.buffer);
    const directory = view.getUint32(bytes.length - 22 + 16, true);
    view.setUint32(directory + 24, view.getUint32(directory + 24, true) + 9, true);
    await expect(importRun(bytes, never)).rejects.toThrow(/damaged/);
  });
});

describe('run.json', () => {
  it('is refused with the field that is missing', () => {
    const { adapter, ...rest } = exampleRecord();
    expect(adapter).toBeTruthy();
    expect(() => parseRunRecord(JSON.stringify(rest))).toThrow(
      'run.json: adapter is missing or not a string.',
    );
    const wrong = { ...exampleRecord(), dataset: { ...exampleRecord().dataset, train: '9' } };
    expect(() => parseRunRecord(JSON.stringify(wrong))).toThrow('dataset.train');
    expect(() => parseRunRecord(JSON.stringify({ ...exampleRecord(), status: 'odd' }))).toThrow('"odd"');
    expect(() => parseRunRecord('[]')).toThrow('run.json is not an object');
  });

  it('of a run that was cut off says stopped, and where', () => {
    const settled = settleInterrupted(exampleRecord({ step: 3, total_steps: 9 }));
    expect(settled.status).toBe('stopped');
    expect(settled.events[0]?.text).toBe('The run was cut off at step 3 of 9; what it had saved is kept.');
    const done = exampleRecord({ status: 'done' });
    expect(settleInterrupted(done)).toBe(done);
  });
});

describe('names of runs', () => {
  it('can be said, are unique, and sort by time', () => {
    expect(spokenName(0, 0)).toBe('amber-badger');
    expect(spokenName(0.9999999, 0.9999999)).toBe('sunny-wren');
    expect(nextRunName('ReFT', ['ReFT 1', 'SFT 2'])).toBe('ReFT 2');
    expect(newRunId(new Date('2026-11-21T02:45:09Z'))).toMatch(/^2026-11-21-024509-[a-z]+-[a-z]+$/);
  });
});
