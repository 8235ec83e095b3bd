import { readFileSync } from 'node:fs';
import { expect, test, type Page } from '@playwright/test';

// The whole job as a person does it: open, run the demo to its end, compare, look at completions, reload, export, open again.
// On a software adapter the demo takes its short preset; both arms are real runs of the real engine.

const status = (page: Page) => page.getByRole('status').first();
const figure = (page: Page, name: string) => page.getByRole('figure', { name, exact: true });

/** What a failure leaves on the screen, and whether the engine still answers: the runner's own report holds neither. */
test.afterEach(async ({ page }, info) => {
  if (info.status === info.expectedStatus) return;
  console.log(await page.locator('body').innerText());
  for (const worker of page.workers()) {
    const answers = worker.evaluate(() => 'answers').catch((error: unknown) => String(error));
    const silence = new Promise((resolve) => setTimeout(resolve, 5000, 'does not answer'));
    console.log(worker.url(), await Promise.race([answers, silence]));
  }
});

test('the demo, from the first screen to an exported run that opens again', async ({ page }, info) => {
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  await page.goto('/');
  await expect(status(page)).toContainText('idle');
  await page.getByRole('button', { name: 'Run the demo' }).first().click();
  await expect(status(page)).toContainText('running', { timeout: 120_000 });

  // Both runs, one after the other, to the end.
  const rows = page.getByRole('table', { name: 'Runs', exact: true }).getByRole('row');
  await expect(rows).toHaveCount(3, { timeout: 400_000 });
  await expect(rows.nth(1)).toContainText('SFT');
  await expect(rows.nth(2)).toContainText('ReFT');
  await expect(rows.nth(1)).toContainText('done', { timeout: 60_000 });
  await expect(rows.nth(2)).toContainText('done', { timeout: 400_000 });
  await expect(status(page)).toContainText('done');

  // Charts hold lines, accuracy is there for both.
  for (const name of ['Loss', 'Reward', 'KL to reference', 'Accuracy']) {
    await expect(figure(page, name)).toBeVisible();
    await expect(figure(page, name).locator('svg path').first()).toBeAttached();
  }
  await expect(rows.nth(1)).toContainText('%');
  await expect(rows.nth(2)).toContainText('%');
  await page.screenshot({ path: info.outputPath('demo-done.png'), fullPage: true });

  // Completions of both runs for the same problem.
  const completions = page.getByRole('table', { name: 'Completions' });
  await expect(completions).toContainText('Therefore, the answer is:');
  await expect(completions).toContainText('SFT');
  await expect(completions).toContainText('ReFT');

  // A reload keeps them.
  await page.reload();
  await expect(rows).toHaveCount(3);
  await expect(rows.nth(2)).toContainText('done');
  await expect(figure(page, 'Accuracy').locator('svg path').first()).toBeAttached();

  // Export, delete, open again.
  const download = page.waitForEvent('download');
  await rows
    .nth(2)
    .getByRole('button', { name: /Export run/ })
    .click();
  const file = await (await download).path();
  expect(readFileSync(file).subarray(0, 2).toString()).toBe('PK');
  page.on('dialog', (dialog) => void dialog.accept());
  await page.locator('input[type=file][aria-label="Run file"]').setInputFiles(file);
  await expect(rows).toHaveCount(4);
  await expect(rows.nth(3)).toContainText('done');
  expect(problems).toEqual([]);
});
