import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { zipSync } from 'fflate';

// A run made on the command line, packed as people pack a folder, opens in the lab.

let folder: string;
test.beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'reft-lab-e2e-'));
});
test.afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a run of the command line opens in the lab', async ({ page }) => {
  const settings = ['max_steps=2', 'batch_size=4', 'max_train_samples=8', 'max_eval_samples=4'];
  const argv = ['train', '--recipe', 'sft', '--model', 'nano', '--data', 'easy', '--name', 'from the shell'];
  const run = join(folder, 'run');
  const { status, stderr } = spawnSync(
    process.execPath,
    ['bin/reft-lab.js', ...argv, '--out', run, ...settings.flatMap((setting) => ['--set', setting])],
    { encoding: 'utf8' },
  );
  expect(stderr).not.toContain('Error');
  expect(status).toBe(0);
  const entries = readdirSync(run, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const files = entries.map((entry) => join(entry.parentPath, entry.name));
  const zip = join(folder, 'run.zip');
  writeFileSync(
    zip,
    zipSync(Object.fromEntries(files.map((file) => [file.slice(folder.length + 1), readFileSync(file)]))),
  );

  await page.goto('/');
  await page.locator('input[type=file][aria-label="Run file"]').setInputFiles(zip);
  const row = page
    .getByRole('table', { name: 'Runs', exact: true })
    .getByRole('row')
    .filter({ hasText: 'from the shell' });
  await expect(row).toContainText('done');
  await expect(
    page.getByRole('figure', { name: 'Loss', exact: true }).locator('svg path').first(),
  ).toBeAttached();
  await expect(page.getByRole('table', { name: 'Completions' })).toContainText('from the shell');
});
