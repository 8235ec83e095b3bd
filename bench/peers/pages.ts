import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { prepare } from './children';
import type { ContestantId, Outcome, WorkId } from './contest';
import type { Launch } from './index';

/** Nothing listens here: every request of a page is answered from disk. */
const ORIGIN = 'http://localhost';
const PATIENCE_MS = 600_000;
const HTML = '<!doctype html><title>peers</title><script type="module" src="/contestant.js"></script>';
const TYPES: Record<string, string> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

interface PageScope {
  runTrial: (contestant: ContestantId, work: WorkId) => Promise<Outcome>;
}

/** Launches every contestant in a browser of its own, started with these options. */
export async function launchPages(options: { executablePath: string; args: string[] }): Promise<Launch> {
  await prepare('browser');
  return async (contestant, work) => {
    const browser: Browser = await chromium.launch(options);
    try {
      const page = await browser.newPage();
      // A software adapter keeps every core of the machine for itself.
      page.setDefaultTimeout(PATIENCE_MS);
      await page.route(`${ORIGIN}/**`, async (route) => {
        const path = normalize(new URL(route.request().url()).pathname);
        if (path === '/') return route.fulfill({ contentType: 'text/html', body: HTML });
        const file = path.startsWith('/public/') ? path.slice(1) : join('bench/dist/browser', path);
        const body = await readFile(file).catch(() => undefined);
        if (!body) return route.fulfill({ status: 404, body: '' });
        return route.fulfill({ body, contentType: TYPES[extname(path)] ?? 'application/octet-stream' });
      });
      return await runOn(page, contestant, work);
    } finally {
      await browser.close();
    }
  };
}

async function runOn(page: Page, contestant: ContestantId, work: WorkId): Promise<Outcome> {
  await page.goto(`${ORIGIN}/`);
  await page.waitForFunction(() => 'runTrial' in globalThis);
  return page.evaluate(([who, what]) => (globalThis as unknown as PageScope).runTrial(who, what), [
    contestant,
    work,
  ] as [ContestantId, WorkId]);
}
