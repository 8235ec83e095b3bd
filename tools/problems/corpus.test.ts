import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

interface Row {
  question: string;
  cot: string;
  value: string;
}

it('a pretraining corpus holds no bundled question', () => {
  const command = [
    'tools/problems/corpus.ts',
    '--level',
    'easy',
    '--count',
    '3000',
    '--seed',
    '1',
    '--spoilt',
    '0.1',
  ];
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', 'tsx', ...command], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1e8,
  });
  expect(status, stderr).toBe(0);
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
  expect(rows).toHaveLength(3000);
  const bundled = new Set(
    ['train', 'validation', 'test'].flatMap((split) =>
      (JSON.parse(readFileSync(join(ROOT, `public/problems/easy/${split}.ncot.json`), 'utf8')) as Row[]).map(
        (row) => row.question,
      ),
    ),
  );
  expect(rows.filter((row) => bundled.has(row.question))).toEqual([]);
  for (const row of rows) {
    expect(row.cot).not.toContain('<<');
    expect(row.cot).toMatch(new RegExp(`=${row.value}\\b`));
  }
});
