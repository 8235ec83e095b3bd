import { expect, test } from '@playwright/test';

// Every case at every shape: on both software adapters in the unit tests, and in Firefox through this page
// (firefox_self_check.mjs). Chromium's own compiling of all of them takes SwiftShader minutes, so here it is one case of each.
test('the self-check passes a case of every kernel in this browser', async ({ page }) => {
  await page.goto('self_check.html?quick');
  await expect(page.getByRole('status')).toContainText(/Done/, { timeout: 9 * 60_000 });
  await expect(page.getByRole('status')).toContainText(/^Done: all \d+ cases of \d+ kernels pass/);
  const table = page.getByRole('table', { name: 'Self-check' });
  expect(await table.getByRole('row').count()).toBeGreaterThan(50);
  await expect(page.getByRole('button', { name: 'Run all shapes' })).toBeEnabled();
  await page.getByLabel('Only what failed').check();
  await expect(page.getByText('Nothing has failed.')).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('says so when the worker cannot start, and sends a report to no other server', async ({ page }) => {
  await page.addInitScript(() => {
    const Genuine = Worker;
    window.Worker = class extends Genuine {
      constructor() {
        super('./missing_worker.js', { type: 'module' });
      }
    };
  });
  const posted: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'POST') posted.push(request.url());
  });
  await page.goto('self_check.html');
  await expect(page.getByRole('status')).toHaveText('The check could not be finished.');
  await expect(page.getByRole('alert')).toContainText('The worker that runs the kernels stopped');
  await expect(page.getByRole('button', { name: 'Run again' })).toBeEnabled();

  await page.goto('self_check.html?report=http://127.0.0.1:9/elsewhere');
  await expect(page.getByRole('alert')).toContainText('the server of this page only');
  expect(posted).toEqual([]);
});
