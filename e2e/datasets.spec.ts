import { existsSync } from 'node:fs';
import { expect, test, type Page } from '@playwright/test';

// Real files people have, where they lie beside the checkout; else the lab's own in the same formats, so that nothing skips.
const REAL = '../shared/data';
const fileOr = (real: string, own: string): string =>
  existsSync(`${REAL}/${real}`) ? `${REAL}/${real}` : own;
const SVAMP = fileOr('svamp/SVAMP.json', 'public/problems/standard/test.svamp.json');
const GSM8K = fileOr('gsm8k/test.jsonl', 'public/problems/standard/test.jsonl');
const REFT = fileOr('mwp_reft/svamp_nl.json', 'public/problems/standard/train.ncot.json');

async function drop(page: Page, path: string): Promise<void> {
  await page.goto('/');
  await page.getByLabel('Dataset file').first().setInputFiles(path);
  await expect(page.getByRole('table', { name: 'Dataset preview' })).toBeVisible();
}

async function set(page: Page, label: string, value: string): Promise<void> {
  const field = page.getByLabel(label, { exact: true });
  await field.fill(value);
  await field.blur();
}

test(`${GSM8K}: format, preview and rows`, async ({ page }) => {
  await drop(page, GSM8K);
  const panel = page.getByRole('region', { name: 'Dataset', exact: true });
  await expect(panel).toContainText('GSM8K');
  await expect(page.getByRole('table', { name: 'Dataset preview' }).getByRole('row').nth(1)).toContainText(
    'answer is:',
  );
});

test(`${SVAMP}: has no chain of thought, so SFT on it is refused with the reason`, async ({ page }) => {
  await drop(page, SVAMP);
  await expect(page.getByRole('region', { name: 'Dataset', exact: true })).toContainText('SVAMP');
  await expect(page.getByRole('button', { name: 'Start', exact: true })).toBeDisabled();
  await expect(page.locator('#start-reason')).toContainText(/chain of thought|reasoning/);
});

test(`${REFT}: opens and trains a few steps`, async ({ page }) => {
  await drop(page, REFT);
  await page.getByRole('button', { name: /^Recipe/ }).click();
  await page.getByLabel('Preset').selectOption('quick');
  for (const [label, value] of [
    ['Step limit', '3'],
    ['Training problems', '24'],
    ['Batch size', '8'],
    ['Evaluation problems', '4'],
    ['Longest completion', '24'],
  ] as const) {
    await set(page, label, value);
  }
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await expect(page.getByRole('status').first()).toContainText('done', { timeout: 240_000 });
  await expect(
    page.getByRole('figure', { name: 'Loss', exact: true }).locator('svg path').first(),
  ).toBeAttached();
});
