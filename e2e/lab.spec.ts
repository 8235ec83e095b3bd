import {
  closeSync,
  copyFileSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test, type Page, type TestInfo } from '@playwright/test';

// The page itself: bad files of every kind, a browser without WebGPU, keyboard, phone, and accessibility of each screen.

const row = (question: string, answer: string): string => JSON.stringify({ question, answer });
const GOOD = row('Tom has 3 apples and buys 4 more. How many has he?', 'He has 3 + 4 = <<3+4=7>>7.\n#### 7');
const goodRows = (count: number): string[] => Array.from({ length: count }, () => GOOD);

async function open(page: Page): Promise<void> {
  await page.goto('/');
  await expect(page.getByRole('status')).toContainText('idle');
}

async function give(page: Page, name: string, text: string): Promise<void> {
  await page
    .getByLabel('Dataset file')
    .setInputFiles({ name, mimeType: 'application/json', buffer: Buffer.from(text) });
}

const fault = (page: Page) => page.getByRole('alert');
const problems = (page: Page) => page.getByRole('table', { name: 'Problems with this file' });
const preview = (page: Page) => page.getByRole('table', { name: 'Dataset preview' });
const start = (page: Page) => page.getByRole('button', { name: 'Start', exact: true });

/** What axe finds, one line a rule. */
async function violations(page: Page): Promise<string[]> {
  const { violations: found } = await new AxeBuilder({ page }).analyze();
  return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
}

/** Pixels by which the page is wider than its window. */
const overflow = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;

test.describe('bad files', () => {
  test.beforeEach(async ({ page }) => open(page));

  test('an empty file is refused by name', async ({ page }) => {
    await give(page, 'nothing.jsonl', '');
    await expect(fault(page)).toContainText('nothing.jsonl is empty');
  });

  test('a file that is no dataset is refused with what can be read', async ({ page }) => {
    await give(page, 'notes.txt', 'Dear diary, today I trained a model.');
    await expect(fault(page)).toContainText('notes.txt');
    await expect(fault(page)).toContainText('GSM8K');
  });

  test('JSON of another shape is refused with what it holds', async ({ page }) => {
    await give(page, 'weather.json', JSON.stringify([{ city: 'Oslo', rain: true }]));
    await expect(fault(page)).toContainText('weather.json');
  });

  test('broken JSON in line 17 is named by its line', async ({ page }) => {
    const rows = goodRows(20);
    rows[16] = '{"question": "Tom has 3 apples", "answer": ';
    await give(page, 'train.jsonl', rows.join('\n'));
    await expect(page.getByRole('main')).toContainText(/17/);
  });

  test('rows without an answer, or with one that is no number, are left out only on a click', async ({
    page,
  }) => {
    const rows = [
      GOOD,
      JSON.stringify({ question: 'How many?' }),
      row('How much?', 'Some.\n#### many'),
      row('How long?', 'No last line.'),
    ];
    await give(page, 'train.jsonl', rows.join('\n'));
    await expect(problems(page).getByRole('row')).toHaveCount(4);
    for (const [line, at] of [
      [1, '2'],
      [2, '3'],
      [3, '4'],
    ] as const) {
      await expect(problems(page).getByRole('row').nth(line).getByRole('rowheader')).toHaveText(at);
    }
    await expect(start(page)).toBeDisabled();
    await expect(page.getByText('Leave out 3 rows of train.jsonl first')).toBeVisible();
    await page.getByLabel('Leave out 3 rows').check();
    await expect(start(page)).toBeEnabled();
  });

  test('a file of 200 MB is refused for its size', async ({ page }, info) => {
    const path = info.outputPath('huge.jsonl');
    const file = openSync(path, 'w');
    ftruncateSync(file, 200 * 2 ** 20);
    closeSync(file);
    await page.getByLabel('Dataset file').setInputFiles(path);
    await expect(fault(page)).toContainText('200 MiB');
  });

  test('what was open before stays open', async ({ page }) => {
    await give(page, 'train.jsonl', goodRows(3).join('\n'));
    await expect(preview(page).getByRole('row')).toHaveCount(4);
    await give(page, 'nothing.jsonl', '');
    await expect(fault(page)).toContainText('nothing.jsonl');
    await expect(preview(page).getByRole('row')).toHaveCount(4);
    await fault(page).getByRole('button', { name: 'Close' }).click();
    await expect(fault(page)).toHaveCount(0);
  });
});

test('a good file is shown in the tokens of the model, the loss on its target alone', async ({ page }) => {
  await open(page);
  await give(page, 'train.jsonl', goodRows(2).join('\n'));
  const first = preview(page).getByRole('row').nth(1);
  await expect(first.locator('.loss .token').first()).toBeVisible();
  await expect(first.getByRole('cell').nth(0)).toContainText('Tom has 3 apples');
  await expect(first.getByRole('cell').nth(1)).toContainText('Therefore, the answer is: 7');
  await expect(first.getByRole('cell').nth(2)).toHaveText('7');
});

test('files dropped anywhere and datasets pasted are opened; what is no run is refused', async ({ page }) => {
  await open(page);
  const text = goodRows(3).join('\n');
  await page.evaluate((content) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([content], 'dropped.jsonl'));
    const options = { dataTransfer, bubbles: true, cancelable: true };
    document.body.dispatchEvent(new DragEvent('dragover', options));
    document.body.dispatchEvent(new DragEvent('drop', options));
  }, text);
  await expect(page.getByRole('heading', { name: 'dropped.jsonl', exact: true })).toBeVisible();
  await page.evaluate((content) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', content);
    document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }));
  }, text);
  await expect(page.getByRole('heading', { name: 'pasted.jsonl', exact: true })).toBeVisible();
  await page.getByLabel('Run file').setInputFiles({
    name: 'holiday.zip',
    mimeType: 'application/zip',
    buffer: Buffer.from('not a zip at all, whatever its name says'),
  });
  await expect(fault(page)).toContainText('not a .zip');
  await expect(page.getByRole('heading', { name: 'pasted.jsonl', exact: true })).toBeVisible();
});

test.describe('bad models', () => {
  /** The bundled model as a folder of one's own, one file changed. */
  function folder(info: TestInfo, file: string, content: string | Buffer): string {
    const path = info.outputPath('model');
    mkdirSync(path, { recursive: true });
    for (const name of ['config.json', 'tokenizer.json', 'model.safetensors']) {
      copyFileSync(`public/models/nano/${name}`, `${path}/${name}`);
    }
    writeFileSync(`${path}/${file}`, content);
    return path;
  }

  async function giveFolder(page: Page, path: string): Promise<void> {
    await open(page);
    await page.getByRole('button', { name: /^Model/ }).click();
    await page.getByLabel('Model folder').setInputFiles(path);
  }

  test('an unknown architecture is refused by its name', async ({ page }, info) => {
    const config = JSON.parse(readFileSync('public/models/nano/config.json', 'utf8')) as object;
    const other = { ...config, model_type: 'mamba', architectures: ['MambaForCausalLM'] };
    await giveFolder(page, folder(info, 'config.json', JSON.stringify(other)));
    await expect(fault(page)).toContainText(/mamba/i);
  });

  test('weights whose header lies are refused', async ({ page }, info) => {
    const weights = readFileSync('public/models/nano/model.safetensors');
    const lying = Buffer.from(weights);
    lying.writeBigUInt64LE(2n ** 40n, 0);
    await giveFolder(page, folder(info, 'model.safetensors', lying));
    await expect(fault(page)).toContainText(/safetensors/);
  });

  test('a sound folder is opened', async ({ page }, info) => {
    const config = readFileSync('public/models/nano/config.json');
    await giveFolder(page, folder(info, 'config.json', config));
    await expect(page.getByRole('complementary')).toContainText('LlamaForCausalLM');
  });
});

test('without WebGPU the page says so, names browsers, and still opens data', async ({ page }) => {
  await page.addInitScript(() => Object.defineProperty(navigator, 'gpu', { value: undefined }));
  await open(page);
  await expect(fault(page)).toContainText('has no WebGPU');
  await expect(page.getByText('Safari from 26')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Run the demo' })).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Open run' })).toBeEnabled();
  await give(page, 'train.jsonl', goodRows(2).join('\n'));
  await expect(preview(page).getByRole('row')).toHaveCount(3);
  await expect(start(page)).toBeDisabled();
});

test('settings out of range are named, and marked when they differ from the preset', async ({ page }) => {
  await open(page);
  await give(page, 'train.jsonl', goodRows(4).join('\n'));
  await page.getByRole('button', { name: /^Recipe/ }).click();
  const rate = page.getByLabel('Learning rate', { exact: true });
  await rate.fill('fast');
  await expect(page.getByText('Learning rate must be a number.').first()).toBeVisible();
  await expect(start(page)).toBeDisabled();
  await rate.fill('5e-5');
  await expect(page.getByRole('button', { name: /^Recipe/ })).toContainText('1 changed');
  await page.getByRole('button', { name: 'Reset Learning rate' }).click();
  await expect(page.getByRole('button', { name: /^Recipe/ })).not.toContainText('changed');
});

test('the keyboard alone reaches the demo, the file and every step', async ({ page }) => {
  await open(page);
  await expect(page.getByRole('button', { name: 'Run the demo' })).toBeEnabled();
  const reached = new Set<string>();
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press('Tab');
    reached.add(
      await page.evaluate(() => {
        const element = document.activeElement as HTMLElement | null;
        return element instanceof HTMLInputElement
          ? element.type
          : ((element?.innerText ?? '').split('\n')[0] ?? '');
      }),
    );
  }
  for (const name of ['Data', 'Model', 'Recipe', 'Run', 'Run the demo', 'file'])
    expect([...reached]).toContain(name);
});

test.describe('accessibility', () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1280, 390]) {
      test(`first screen, data and settings, ${colorScheme}, ${width} px`, async ({ page }) => {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 860 });
        await open(page);
        await expect(page.getByRole('button', { name: 'Run the demo' })).toBeEnabled();
        expect(await violations(page)).toEqual([]);
        await give(page, 'train.jsonl', [...goodRows(2), row('How many?', 'None.')].join('\n'));
        await expect(problems(page)).toBeVisible();
        expect(await violations(page)).toEqual([]);
        for (const step of [/^Model/, /^Recipe/, /^Run /]) {
          await page.getByRole('button', { name: step }).first().click();
          expect(await violations(page)).toEqual([]);
        }
        expect(await page.evaluate(overflow)).toBeLessThanOrEqual(0);
      });
    }
  }
});

test('a run pauses, goes on and stops at once; its screens are accessible, on a phone too', async ({
  page,
}) => {
  await open(page);
  await page.getByLabel(/^Easy/).check();
  await expect(preview(page)).toBeVisible();
  await page.getByRole('button', { name: /^Recipe/ }).click();
  await page.getByLabel('Preset', { exact: true }).selectOption('quick');
  const settings = {
    'Training problems': '24',
    'Batch size': '4',
    'Evaluation problems': '4',
    'Longest completion': '24',
  };
  for (const [label, value] of Object.entries({ ...settings, Epochs: '50' })) {
    await page.getByLabel(label, { exact: true }).fill(value);
  }
  await start(page).click();
  const status = page.getByRole('status');
  await expect(status).toContainText(/running · step [1-9]/, { timeout: 120_000 });
  expect(await violations(page)).toEqual([]);

  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(status).toContainText('paused');
  await expect(page.getByRole('button', { name: 'Pause' })).toBeDisabled();
  const stood = await status.innerText();
  await page.waitForTimeout(3000);
  expect(await status.innerText()).toBe(stood);
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(status).toContainText('running');
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(status).toContainText(/^done · stopped at step \d+$/);

  await page.getByText('More charts').click();
  await page.getByRole('figure', { name: 'Loss', exact: true }).getByText('Table').click();
  await expect(
    page.getByRole('figure', { name: 'Loss', exact: true }).getByRole('rowheader').first(),
  ).toHaveText('1');
  await page.getByLabel('x axis').selectOption('Tokens trained');
  expect(await violations(page)).toEqual([]);

  await page.setViewportSize({ width: 390, height: 860 });
  for (const tab of ['Set up', 'Watch', 'Compare']) {
    await page.getByRole('button', { name: tab, exact: true }).click();
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate(overflow)).toBeLessThanOrEqual(0);
  }
});
