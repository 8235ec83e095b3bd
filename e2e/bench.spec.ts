import { readFileSync } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';

const REPORT = {
  adapter: 'a made-up GPU',
  versions: { lab: '0' },
  roofline: { copy_gb_s: 100, fma_gflop_s: 2000 },
  figures: [
    { name: 'roofline/fma', value: 2000, unit: 'GFLOP/s', samples: 5 },
    {
      name: 'kernels/nano/matmul_nt/qkv/M=512,N=128,K=64',
      value: 500,
      unit: 'GFLOP/s',
      samples: 5,
      fraction_of_roof: 0.25,
    },
    {
      name: 'kernels/mini/swiglu_forward/N=512,F=344',
      value: 80,
      unit: 'GB/s',
      samples: 5,
      fraction_of_roof: 0.8,
    },
    { name: 'train_step/ours', value: 12, unit: 'ms', samples: 5 },
  ],
};

async function open(page: Page, name: string, text: string): Promise<void> {
  await page.getByLabel('Report file').setInputFiles({
    name,
    mimeType: 'application/json',
    buffer: Buffer.from(text),
  });
}

test('the bench is one click from the lab, at /bench', async ({ page }) => {
  await page.goto('./');
  await page.getByRole('link', { name: 'Bench' }).click();
  await expect(page).toHaveURL(/bench\.html$/);
  await page.goto('bench');
  await expect(page).toHaveTitle('Bench · ReFT lab');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('How fast is it here?');
});

test('a report is drawn under its roof and listed, in both themes', async ({ page }) => {
  await page.goto('bench.html');
  await open(page, 'mine.json', JSON.stringify(REPORT));
  await expect(page.getByRole('status')).toHaveText('From the file: mine.json, 4 figures.');
  const plot = page.getByRole('figure', { name: 'Roofline' });
  await expect(plot.locator('circle')).toHaveCount(2);
  await expect(plot).toContainText('FMA peak 2,000 GFLOP/s');
  await expect(plot).toContainText('copy 100 GB/s');
  // The plot is true to its scale: a quarter of the roof lies below the roof, and the slower kernel to the left.
  const roof = await plot.locator('polyline').getAttribute('points');
  const flat = Number(roof?.split(' ').at(-1)?.split(',')[1]);
  const cy = Number(await plot.locator('circle').first().getAttribute('cy'));
  expect(cy).toBeGreaterThan(flat);
  const cx = (i: number) => plot.locator('circle').nth(i).getAttribute('cx').then(Number);
  expect(await cx(1)).toBeLessThan(await cx(0));

  await plot.locator('circle').first().hover();
  await expect(plot).toContainText('nano/matmul_nt/qkv/M=512,N=128,K=64: 500 GFLOP/s');
  await page.getByRole('button', { name: 'nano' }).click();
  await expect(plot.locator('circle')).toHaveCount(1);

  const kernels = page.getByRole('table', { name: 'Kernels' });
  await expect(kernels.getByRole('row')).toHaveCount(3);
  await expect(kernels).toContainText('nano · matmul_nt · qkv · M=512 N=128 K=64');
  await expect(page.getByRole('table', { name: 'Beside other libraries' })).toContainText('train_step/ours');
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.reload();
    await open(page, 'mine.json', JSON.stringify(REPORT));
    await expect(page.getByRole('status')).toContainText('mine.json');
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
  }
});

test('what is no report is refused in a sentence, and what was shown stays', async ({ page }) => {
  await page.goto('bench.html');
  await open(page, 'mine.json', JSON.stringify(REPORT));
  await open(page, 'notes.json', '{"adapter": 3}');
  await expect(page.getByRole('alert')).toContainText('notes.json could not be opened. This is no report');
  await expect(page.getByRole('status')).toContainText('mine.json');
});

test('measures this browser’s GPU, and what is saved opens again', async ({ page }) => {
  await page.goto('bench.html?run&suite=roofline');
  await expect(page.getByRole('status')).toHaveText(/^Done: \d+ figures, measured here\.$/, {
    timeout: 5 * 60_000,
  });
  await expect(page.getByRole('alert')).toHaveCount(0);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Save as JSON' }).click(),
  ]);
  const text = readFileSync(await download.path(), 'utf8');
  const report = JSON.parse(text) as typeof REPORT;
  expect(Object.keys(report)).toEqual(['adapter', 'versions', 'roofline', 'figures']);
  expect(report.adapter).toMatch(/\w/);
  // Null on a machine too busy for the probe's own check; a number that is measured is a plausible one.
  for (const roof of Object.values(report.roofline)) expect(roof ?? 1).toBeGreaterThan(0.01);
  await open(page, 'again.json', text);
  await expect(page.getByRole('status')).toHaveText(
    `From the file: again.json, ${report.figures.length} figures.`,
  );
});

test('stops when asked, and keeps what it has', async ({ page }) => {
  await page.goto('bench.html');
  await page.getByRole('button', { name: 'Measure this GPU' }).click();
  await expect(page.getByRole('status')).toContainText(/Measuring: [1-9]\d* figures/, {
    timeout: 3 * 60_000,
  });
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(page.getByRole('status')).toHaveText(/^Stopped: \d+ figures\.$/);
  await expect(page.getByRole('button', { name: 'Measure this GPU' })).toBeEnabled();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Save as JSON' }).click(),
  ]);
  const { adapter, versions } = JSON.parse(readFileSync(await download.path(), 'utf8')) as typeof REPORT;
  expect(adapter).toMatch(/\w/);
  expect(Object.keys(versions)).toEqual(['lab', 'browser', 'matmuls']);
});
