import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ReportFile } from './report_file';

const folder = mkdtempSync(join(tmpdir(), 'report-'));
afterAll(() => rmSync(folder, { recursive: true }));

const figure = (name: string, value: number) => ({ name, value, unit: 'ms', samples: 5 });
const report = (adapter: string, ...figures: ReturnType<typeof figure>[]) => ({
  adapter,
  versions: {},
  roofline: { copy_gb_s: 5, fma_gflop_s: null },
  figures,
});
const path = join(folder, 'report.json');
const written = (): unknown => JSON.parse(readFileSync(path, 'utf8'));

test('a report is written anew, or its figures join those of the same adapter', () => {
  new ReportFile(path, false).write(report('a', figure('x', 1), figure('y', 2)));
  const added = new ReportFile(path, true);
  added.checkAdapter('a');
  added.write(report('a', figure('y', 3)));
  expect(written()).toEqual(report('a', figure('x', 1), figure('y', 3)));
  new ReportFile(path, false).write(report('b', figure('z', 4)));
  expect(written()).toEqual(report('b', figure('z', 4)));
});

test('what would keep a report from being written is said before there is one', () => {
  expect(() => new ReportFile(join(folder, 'none', 'report.json'), false)).toThrow(
    /cannot be written.*ENOENT/,
  );
  expect(() => new ReportFile(folder, false)).toThrow(/cannot be written.*it is a folder/);
  expect(() => new ReportFile(undefined, true)).toThrow(/--json FILE/);
  new ReportFile(path, false).write(report('b'));
  expect(() => new ReportFile(path, true).checkAdapter('a')).toThrow(/of b takes no figures of a/);
  writeFileSync(path, 'no JSON');
  expect(() => new ReportFile(path, true)).toThrow(/no report of the bench/);
});
