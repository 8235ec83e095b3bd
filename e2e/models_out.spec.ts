import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { unzipSync, zipSync } from 'fflate';

// Models leave the lab and others' come in; whether this GPU computes right is asked before a run.

const minute = 60_000;
const rows = Array.from({ length: 6 }, (_, i) =>
  JSON.stringify({
    question: `Tom has ${i + 3} apples and buys 4 more. How many has he?`,
    answer: `He has ${i + 3} + 4 = <<${i + 3}+4=${i + 7}>>${i + 7}.\n#### ${i + 7}`,
  }),
).join('\n');

let folder: string;
test.beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'reft-lab-e2e-'));
});
test.afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function openWithProblems(page: Page): Promise<void> {
  await page.goto('/');
  await expect(page.getByRole('status')).toContainText('idle');
  await page
    .getByLabel('Dataset file')
    .setInputFiles({ name: 'train.jsonl', mimeType: 'application/json', buffer: Buffer.from(rows) });
  await expect(page.getByRole('table', { name: 'Dataset preview' }).getByRole('row')).toHaveCount(7);
}

/** The head of a step of the rail. */
const step = (page: Page, name: string) =>
  page.locator('.step h2 button').filter({ has: page.locator('.step-title', { hasText: name }) });

/** What axe finds, one line a rule. */
async function violations(page: Page): Promise<string[]> {
  const { violations: found } = await new AxeBuilder({ page }).analyze();
  return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
}

test('the numerics check says with figures that this GPU computes right', async ({ page }) => {
  await openWithProblems(page);
  await step(page, 'Run').click();
  await page.getByRole('button', { name: 'Check now' }).click();
  const verdict = page.getByText(
    /^This GPU computes right: all \d+ kernels agree .* on 4 prompts its logits/,
  );
  await expect(verdict).toBeVisible({ timeout: 6 * minute });
  await expect(page.getByText('max |Δlogit|')).toBeVisible();
  expect(await violations(page)).toEqual([]);
});

/** A run of one step on the command line, packed as people pack a folder. */
function packedRun(): string {
  const run = join(folder, 'run');
  const settings = ['max_steps=1', 'batch_size=4', 'max_train_samples=8', 'max_eval_samples=4'];
  const argv = ['train', '--recipe', 'sft', '--model', 'nano', '--data', 'easy', '--name', 'from the shell'];
  const { status, stderr } = spawnSync(
    process.execPath,
    ['bin/reft-lab.js', ...argv, '--out', run, ...settings.flatMap((setting) => ['--set', setting])],
    { encoding: 'utf8' },
  );
  expect(status, stderr).toBe(0);
  const files = readdirSync(run, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const zip = join(folder, 'run.zip');
  writeFileSync(
    zip,
    zipSync(Object.fromEntries(files.map((file) => [file.slice(folder.length + 1), readFileSync(file)]))),
  );
  return zip;
}

test('a run’s model leaves as ONNX with its card, comes back, says why it cannot be trained, and is evaluated', async ({
  page,
}) => {
  await openWithProblems(page);
  await page.locator('input[type=file][aria-label="Run file"]').setInputFiles(packedRun());
  const runs = page.getByRole('table', { name: 'Runs', exact: true }).getByRole('row');
  const row = runs.filter({ hasText: 'from the shell' });
  await row.getByRole('button', { name: 'Export model' }).click();
  const choice = row.getByRole('group', { name: 'Export the model of from the shell as' });
  await expect(choice.getByRole('button', { name: 'Hugging Face' })).toBeFocused();
  const download = page.waitForEvent('download');
  await choice.getByRole('button', { name: 'ONNX' }).click();
  const zip = join(folder, 'from-the-shell-onnx.zip');
  await (await download).saveAs(zip);
  const files = unzipSync(new Uint8Array(readFileSync(zip)));
  expect(Object.keys(files)).toContain('onnx/model.onnx');
  const card = new TextDecoder().decode(files['README.md']);
  expect(card).toContain('# from the shell');
  expect(card).toContain('| Recipe | sft, preset');
  await choice.getByRole('button', { name: 'Back' }).click();

  // Back in: dropped anywhere.
  const bytes = readFileSync(zip).toString('base64');
  const transfer = await page.evaluateHandle((content) => {
    const data = new DataTransfer();
    const array = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
    data.items.add(new File([array], 'exported.zip'));
    return data;
  }, bytes);
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
  await expect(step(page, 'Model')).toContainText('exported, ONNX, to be asked');
  await expect(
    page.getByText('exported is an ONNX graph: exporters rename, fold and quantize'),
  ).toBeVisible();

  // The graph and the run it came from, asked side by side.
  await page.getByRole('complementary').getByRole('button', { name: 'Try a prompt' }).click();
  const tried = page.getByRole('region', { name: 'Try a prompt' });
  await expect(tried.getByLabel('Prompt', { exact: true })).toBeFocused();
  await tried.getByRole('checkbox', { name: 'from the shell' }).check();
  await tried.getByLabel('Prompt', { exact: true }).press('Control+Enter');
  const answer = (name: string) => tried.getByRole('article', { name: `Answer of ${name}` });
  await expect(answer('exported')).toContainText('ended by itself', { timeout: 2 * minute });
  await expect(answer('exported')).toContainText('Therefore, the answer is:');
  await expect(answer('from the shell')).toContainText('The same as exported’s.', { timeout: 2 * minute });
  expect(await violations(page)).toEqual([]);
  // Drawn at random it goes on and on, until it is stopped.
  await tried.getByRole('checkbox', { name: 'exported' }).uncheck();
  await tried.getByLabel('Temperature').fill('10');
  await tried.getByLabel('Most new tokens').fill('4000');
  await tried.getByRole('button', { name: 'Ask' }).click();
  await tried.getByRole('button', { name: 'Stop answering' }).click();
  await expect(answer('from the shell')).toContainText('stopped', { timeout: minute });
  await tried.getByRole('button', { name: 'Close' }).click();
  await expect(tried).toHaveCount(0);

  // Trained it cannot be; asked it can.
  const start = page.getByRole('button', { name: 'Start', exact: true });
  await expect(start).toBeEnabled();
  await step(page, 'Recipe').click();
  await page.getByText('SFT', { exact: true }).first().click();
  await expect(start).toBeDisabled();
  await page.getByText('Evaluate', { exact: true }).click();
  await expect(start).toBeEnabled();
  await start.click();
  const evaluated = runs.filter({ hasText: 'Evaluate' });
  await expect(evaluated).toContainText('done', { timeout: 6 * minute });
  await expect(evaluated).toContainText('n = 6, test');
  await expect(page.getByRole('table', { name: 'Completions' })).toContainText('Therefore, the answer is:');
  expect(await violations(page)).toEqual([]);
});
