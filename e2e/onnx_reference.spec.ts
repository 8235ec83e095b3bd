import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { createServer, type ViteDevServer } from 'vite';
import { expectClose } from '../src/kernels/compare';
import type { compare } from './onnx_reference.page';

// Only a browser has what the lab's users have: onnxruntime-web's WebGPU build on the page's own GPUDevice. The engine's
// modules come from a development server, so that the goldens need not be part of the lab.
let server: ViteDevServer;
let cacheDir: string;
let url: string;

test.beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'reft-lab-vite-'));
  server = await createServer({
    cacheDir,
    logLevel: 'error',
    server: { host: '127.0.0.1', port: 0, hmr: false, watch: null },
  });
  await server.listen();
  url = server.resolvedUrls?.local[0] ?? '';
});

test.afterAll(async () => {
  await server.close();
  await rm(cacheDir, { recursive: true, force: true });
});

for (const name of ['llama_gqa_untied', 'llama_mqa_tied']) {
  test(`the ONNX reference equals transformers on ${name}`, async ({ page }) => {
    await page.goto(`${url}LICENSE`);
    const result = await page.evaluate<Awaited<ReturnType<typeof compare>>>(
      `import('/e2e/onnx_reference.page.ts').then((page) => page.compare('${name}'))`,
    );
    expect(result.actual).toHaveLength(38);
    expectClose('logp', result.actual, result.expected, { atol: 1e-4, rtol: 0 });
  });
}
