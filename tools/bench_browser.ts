/**
 * npm run bench:browser: the bench in a headless Chromium, through the lab's own /bench page. Flags as of `npm run bench`:
 *   --suite a,b    --model a,b    --axis a,b    --json FILE
 * The peers, each in a browser of its own, are measured after the rest.
 * CHROME_PATH names a browser. LAB_ADAPTER=swiftshader takes the browser's software adapter; without it that is taken where
 * the browser finds no hardware.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { build, preview } from 'vite';
import { parseReport, type Report } from '../bench/figure';
import { figureLine, rooflineLine } from '../bench/table';
import { findBrowser, installBrowser } from './browser.mjs';

const FLAGS = ['--headless=new', '--no-sandbox', '--enable-unsafe-webgpu', '--disable-background-networking'];
const SOFTWARE = '--use-webgpu-adapter=swiftshader';
const REPORT = 'bench-report';
const POLL_MS = 1000;
const HOUR = 3_600_000;
const PEERS = 'peers';

const { values } = parseArgs({
  options: {
    suite: { type: 'string', default: 'kernels,growth,steps' },
    model: { type: 'string', default: '' },
    axis: { type: 'string', default: '' },
    json: { type: 'string' },
  },
});

const suites = values.suite.split(',');
await build({ logLevel: 'error' });
const server = await preview({ preview: { port: 0, host: '127.0.0.1', open: false }, logLevel: 'error' });
const base = server.resolvedUrls?.local[0] ?? '';
try {
  const wantsSoftware = process.env.LAB_ADAPTER === 'swiftshader';
  const report =
    (wantsSoftware ? null : await measure([], wantsHardware())) ?? (await measure([SOFTWARE], true));
  if (!report) throw new Error('The browser offers no WebGPU adapter, neither hardware nor software.');
  console.log(rooflineLine(report.roofline));
  for (const figure of report.figures) console.log(figureLine(figure));
  if (suites.includes(PEERS)) await addPeers(report);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await server.close();
}
process.exit();

/** Measures the peers on the adapter of the report and adds their figures to it. */
async function addPeers(report: Report): Promise<void> {
  const { measurePeers } = await import('../bench/peers');
  const { launchPages } = await import('../bench/peers/pages');
  const isSoftware = report.adapter.endsWith('(software)');
  const launch = await launchPages({
    executablePath: findBrowser() ?? installBrowser(),
    args: isSoftware ? [...FLAGS, SOFTWARE] : FLAGS,
  });
  await measurePeers(launch, {
    report: (figure) => {
      report.figures.push(figure);
      console.log(figureLine(figure));
    },
    note: (sentence) => console.log(`  ${sentence}`),
  });
}

function wantsHardware(): boolean {
  return process.env.LAB_ADAPTER === 'hardware';
}

/** Runs the page to its report; null when the browser finds no adapter and the caller has another to try. */
async function measure(flags: string[], isLast: boolean): Promise<Report | null> {
  const browser = await chromium.launch({
    executablePath: findBrowser() ?? installBrowser(),
    args: [...FLAGS, ...flags],
  });
  try {
    const page = await browser.newPage();
    const posted = new Promise<string>((resolve) => {
      void page.route(`**/${REPORT}`, (route) => {
        resolve(route.request().postData() ?? '');
        return route.fulfill({ status: 200, body: 'thank you' });
      });
    });
    const query = new URLSearchParams({
      run: '',
      // The page always measures the roofline; `roofline` alone measures nothing else.
      suite: suites.filter((name) => name !== PEERS).join(',') || 'roofline',
      model: values.model,
      axis: values.axis,
      report: REPORT,
    });
    await page.goto(`${base}bench.html?${query}`);
    const progress = setInterval(() => void say(), POLL_MS);
    let last = '';
    const say = async (): Promise<void> => {
      const line =
        (await page
          .getByRole('status')
          .textContent()
          .catch(() => null)) ?? last;
      if (line !== last) console.error(line);
      last = line;
    };
    const limit = new Promise<never>((_, reject) =>
      setTimeout(() => reject(new Error('The page gave no report within an hour.')), HOUR).unref(),
    );
    const text = await Promise.race([posted, limit]).finally(() => clearInterval(progress));
    const problem = (JSON.parse(text) as { problem?: string }).problem;
    if (problem === undefined) return parseReport(text);
    if (!isLast && /no graphics adapter/.test(problem)) return null;
    throw new Error(problem);
  } finally {
    await browser.close();
  }
}
