import { readFileSync } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { zipSync } from 'fflate';
import { HubServer, TOKEN } from '../src/hub/testing';

// Models of the Hub: looked up, downloaded, paused, resumed, used, deleted. The Hub is a server on this machine that speaks its paths.

const COMMIT = 'c0ffee'.padEnd(40, '0');
const NAMES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'model.safetensors',
];
const file = (name: string): Buffer => readFileSync(`public/models/nano/${name}`);
const nano = Object.fromEntries(NAMES.map((name) => [name, new Uint8Array(file(name))]));
const other = {
  ...JSON.parse(file('config.json').toString()),
  architectures: ['MambaForCausalLM'],
  model_type: 'mamba',
} as object;

const server = new HubServer([
  {
    id: 'lab/nano',
    commits: { [COMMIT]: { ...nano, 'README.md': new Uint8Array(9) } },
    refs: { main: COMMIT, v1: COMMIT },
  },
  {
    id: 'lab/graphs',
    commits: {
      [COMMIT]: {
        ...Object.fromEntries(Object.entries(nano).filter(([name]) => !name.startsWith('model.'))),
        'onnx/model.onnx': new Uint8Array(40_000),
        'onnx/model.onnx_data': new Uint8Array(2_000_000),
        'onnx/model_q4.onnx': new Uint8Array(600_000),
      },
    },
    refs: { main: COMMIT },
  },
  { id: 'lab/closed', commits: { [COMMIT]: nano }, refs: { main: COMMIT }, gated: true },
  {
    id: 'lab/mamba',
    commits: { [COMMIT]: { ...nano, 'config.json': new TextEncoder().encode(JSON.stringify(other)) } },
    refs: { main: COMMIT },
  },
]);
let url = '';
test.beforeAll(async () => {
  url = await server.listen();
});
test.afterAll(() => server.close());
test.beforeEach(() => void Object.assign(server, { pause: 0, breakAfter: undefined }));

const rail = (page: Page) => page.getByRole('complementary');
const button = (page: Page, name: string | RegExp) => rail(page).getByRole('button', { name, exact: true });

/** The button that unfolds a step of the rail; inside it there are inputs of like names. */
const step = (page: Page, name: string) =>
  page.getByRole('heading', { level: 2 }).getByRole('button', { name: new RegExp(`^${name}`) });

async function open(page: Page): Promise<void> {
  await page.goto(`/?hub=${encodeURIComponent(url)}`);
  await expect(page.getByRole('status')).toContainText('idle');
  await step(page, 'Model').click();
}

async function lookUp(page: Page, name: string): Promise<void> {
  await page.getByLabel('Model on Hugging Face').fill(name);
  await button(page, 'Look up').click();
}

async function violations(page: Page): Promise<string[]> {
  const { violations: found } = await new AxeBuilder({ page }).analyze();
  return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
}

test('a model is looked up, downloaded with a pause, used, there after a reload without a connection, and deleted', async ({
  page,
}) => {
  await open(page);
  await lookUp(page, 'lab/nano@v1');
  // Before the download: what it is, its files, bytes to download and on the GPU.
  await expect(rail(page)).toContainText('commit c0ffee00, LlamaForCausalLM');
  await expect(rail(page)).toContainText(/\d [KM]iB to download/);
  await expect(rail(page)).toContainText(/On the GPU: .* to ask it, .* to train all of it/);
  await expect(rail(page)).toContainText('model.safetensors');
  await expect(rail(page)).not.toContainText('README.md');
  expect(server.requests.filter((line) => /safetensors|tokenizer/.test(line))).toEqual([]);
  expect(await violations(page)).toEqual([]);

  // The first piece, then nothing for longer than all of this takes.
  server.pause = 60_000;
  await button(page, 'Download').click();
  await expect(button(page, 'Pause')).toBeVisible();
  await expect(page.getByRole('progressbar', { name: 'Download of lab/nano' })).toBeVisible();
  expect(await violations(page)).toEqual([]);
  await button(page, 'Pause').click();
  await expect(rail(page)).toContainText(/Paused at .* what has arrived is kept/);

  // The tab is closed and opened again: what arrived is there.
  await open(page);
  await expect(rail(page)).toContainText(/are here/);
  server.pause = 0;
  await button(page, 'Resume').click();
  const chosen = page.getByRole('radio', { name: /lab\/nano/ });
  await expect(chosen).toBeChecked();
  await expect(rail(page)).toContainText(COMMIT);
  expect(server.requests.some((line) => /model\.safetensors bytes=[1-9]\d*-/.test(line))).toBe(true);
  expect(await violations(page)).toEqual([]);

  server.requests.length = 0;
  await open(page);
  await chosen.click();
  await expect(chosen).toBeChecked();
  await expect(rail(page)).toContainText('LlamaForCausalLM');
  expect(server.requests).toEqual([]);
  await page.getByRole('button', { name: 'Delete lab/nano' }).click();
  await expect(chosen).toHaveCount(0);
  await open(page);
  await expect(page.getByRole('radio', { name: /nano/ }).first()).toBeVisible();
  await expect(chosen).toHaveCount(0);
});

test('a connection that breaks is said; the download goes on where it stood', async ({ page }) => {
  await open(page);
  await lookUp(page, 'https://huggingface.co/lab/nano/tree/main');
  server.breakAfter = 200_000;
  await button(page, 'Download').click();
  await expect(rail(page)).toContainText(/connection broke at \d+ of \d+ bytes of model.safetensors/);
  await button(page, 'Resume').click();
  await expect(page.getByRole('radio', { name: /lab\/nano/ })).toBeChecked();
});

test('a run from a downloaded model records its commit', async ({ page }) => {
  await open(page);
  await lookUp(page, 'lab/nano');
  await button(page, 'Download').click();
  await expect(page.getByRole('radio', { name: /lab\/nano/ })).toBeChecked();
  await step(page, 'Data').click();
  await page.getByLabel(/^Easy/).check();
  await step(page, 'Recipe').click();
  await page.getByLabel('Preset', { exact: true }).selectOption('quick');
  const settings = {
    'Training problems': '8',
    'Batch size': '4',
    'Evaluation problems': '2',
    'Longest completion': '16',
    Epochs: '1',
  };
  for (const [label, value] of Object.entries(settings))
    await page.getByLabel(label, { exact: true }).fill(value);
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await expect(page.getByRole('status')).toContainText('done', { timeout: 240_000 });
  const record = await page.evaluate(async () => {
    const root = await navigator.storage.getDirectory();
    const runs = await root.getDirectoryHandle('runs');
    for await (const handle of runs.values()) {
      const file = await (handle as FileSystemDirectoryHandle).getFileHandle('run.json');
      return JSON.parse(await (await file.getFile()).text()) as { model: object };
    }
    return undefined;
  });
  expect(record?.model).toMatchObject({ name: 'lab/nano', origin: { id: 'lab/nano', revision: COMMIT } });
});

test('what is missing, gated or of an unknown architecture is explained', async ({ page }) => {
  await open(page);
  await lookUp(page, 'lab/none');
  await expect(rail(page)).toContainText('There is no model lab/none');
  await lookUp(page, 'lab/nano@v9');
  await expect(rail(page)).toContainText('no revision "v9"');
  await lookUp(page, 'what is this?');
  await expect(rail(page)).toContainText('owner/name');
  await lookUp(page, 'lab/mamba');
  await expect(rail(page)).toContainText(/MambaForCausalLM/);
  await expect(button(page, 'Download')).toHaveCount(0);
  await lookUp(page, 'lab/closed');
  await expect(rail(page)).toContainText(/lab\/closed is gated.*access token/);
  await page.getByText('Gated or private model').click();
  await page.getByLabel('Access token').fill(TOKEN);
  await button(page, 'Look up').click();
  await expect(button(page, 'Download')).toBeVisible();
  await button(page, 'Download').click();
  await expect(page.getByRole('radio', { name: /lab\/closed/ })).toBeChecked();
  expect(await violations(page)).toEqual([]);
});

test('a model packed as .zip is opened, dropped or picked', async ({ page }) => {
  await open(page);
  const files = Object.fromEntries(NAMES.map((name) => [`SmolNano/${name}`, nano[name] ?? new Uint8Array()]));
  const buffer = Buffer.from(zipSync(files, { level: 6 }));
  await page
    .getByLabel('Model as .zip')
    .setInputFiles({ name: 'packed.zip', mimeType: 'application/zip', buffer });
  await expect(rail(page)).toContainText('LlamaForCausalLM');
  await expect(step(page, 'Model')).toContainText('packed');
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1280, 390]) {
    test(`looking up is accessible and fits, ${colorScheme}, ${width} px`, async ({ page }) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 860 });
      await open(page);
      await lookUp(page, 'lab/nano');
      await expect(button(page, 'Download')).toBeVisible();
      expect(await violations(page)).toEqual([]);
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(overflow).toBeLessThanOrEqual(0);
    });
  }
}

test('a repository that holds only ONNX offers its graphs, says why it cannot be trained, and opens to be asked', async ({
  page,
}) => {
  await open(page);
  await lookUp(page, 'lab/graphs');
  const graphs = page.getByLabel('ONNX graph');
  await expect(graphs.locator('option')).toHaveText([
    'onnx/model.onnx, 1.9 MiB',
    'onnx/model_q4.onnx, 586 KiB',
  ]);
  await expect(rail(page)).toContainText('lab/graphs is an ONNX graph: exporters rename, fold and quantize');
  await expect(rail(page)).toContainText('onnx/model.onnx_data');
  await graphs.selectOption('onnx/model_q4.onnx');
  await expect(rail(page)).not.toContainText('onnx/model.onnx_data');
  await expect(rail(page)).toContainText('586 KiB or more to ask it, on onnxruntime-web');
  expect(await violations(page)).toEqual([]);
  await button(page, 'Download').click();
  await expect(page.getByRole('radio', { name: /lab\/graphs onnx\/model_q4\.onnx/ })).toBeChecked();
  await expect(step(page, 'Model')).toContainText('lab/graphs, ONNX, to be asked');
  expect(server.requests.filter((line) => line.includes('model.onnx'))).toEqual([]);
});
