import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryFolder } from '../runs/memory_folder';
import { openRun } from '../runs/open_run';
import { RunWriter } from '../runs/run_writer';
import { exportRun, importRun } from '../runs/run_zip';
import { exampleRecord } from '../runs/testing';
import { NodeFolder } from './node_folder';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'reft-lab-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('a run’s folder on disk', () => {
  it('does what the one in memory does', async () => {
    const folders = [new NodeFolder(join(root, 'new', 'run')), new MemoryFolder()];
    const seen: unknown[] = [];
    for (const folder of folders) {
      expect(await folder.list()).toEqual([]);
      await folder.write('a/b.txt', new Uint8Array([1]));
      await folder.append('log.txt', 'é');
      await folder.append('log.txt', '\n');
      await folder.write('c/d/e', new Uint8Array());
      await folder.rename('a', 'moved');
      await folder.write('run.json.partial', new Uint8Array([2]));
      await folder.write('run.json', new Uint8Array([1]));
      await folder.rename('run.json.partial', 'run.json');
      await folder.remove('c');
      await folder.remove('never-there');
      expect(await folder.exists('c')).toBe(false);
      expect(await folder.exists('moved')).toBe(true);
      expect(await folder.exists('moved/b.txt')).toBe(true);
      await expect(folder.read('nope')).rejects.toMatchObject({ code: 'bad_input' });
      await expect(folder.write('../out', new Uint8Array())).rejects.toMatchObject({ code: 'bad_input' });
      await expect(folder.write('/out', new Uint8Array())).rejects.toMatchObject({ code: 'bad_input' });
      const files = await folder.list();
      seen.push(await Promise.all(files.map(async (file) => [file, [...(await folder.read(file))]])));
    }
    expect(seen[0]).toEqual(seen[1]);
    expect(await readdir(root)).toEqual(['new']);
  });

  it('holds a run that another machine’s lab opens', async () => {
    const folder = new NodeFolder(join(root, 'run'));
    const writer = await RunWriter.create(folder, exampleRecord({ status: 'done' }), ['loss']);
    await writer.metrics({ step: 1, timestamp: 2, values: { loss: 0.25 } });
    await writer.files('checkpoints/1', { 'model.safetensors': new Uint8Array([1, 2, 3]) });
    const browser = new MemoryFolder();
    await importRun(await exportRun(folder), async () => browser);
    expect((await openRun(browser)).metrics[0]?.values.loss).toBe(0.25);
    expect(await browser.read('checkpoints/1/model.safetensors')).toEqual(new Uint8Array([1, 2, 3]));
  });

  it('says why it cannot be written', async () => {
    await writeFile(join(root, 'file'), 'x');
    const folder = new NodeFolder(join(root, 'file', 'run'));
    await expect(folder.write('run.json', new Uint8Array())).rejects.toThrow(/cannot be written: .*file/);
  });
});
