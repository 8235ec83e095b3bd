import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { prepare, TRIAL_LIMIT_MS } from './children';
import type { ContestantId, Outcome, WorkId } from './contest';
import type { Launch } from './index';

/** Nothing listens here: every request of a page is answered from disk. */
const ORIGIN = 'http://localhost';
/**
 * As in Node (src/cli/node_onnx.ts): V8's optimizing compiler is busy for about a minute with onnxruntime's WebAssembly and
 * takes the cores that a software adapter computes on; who has no WebAssembly is not affected.
 */
const BASELINE_COMPILER = '--js-flags=--liftoff-only';
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
    const browser: Browser = await chromium.launch({
      ...options,
      args: [...options.args, BASELINE_COMPILER],
    });
    const limit = setTimeout(() => void browser.close(), TRIAL_LIMIT_MS);
    try {
      const page = await browser.newPage();
      // A software adapter keeps every core of the machine for itself.
      page.setDefaultTimeout(TRIAL_LIMIT_MS);
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
      clearTimeout(limit);
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
