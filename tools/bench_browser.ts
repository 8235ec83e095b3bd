/**
 * npm run bench:browser: the bench in a headless Chromium, through the lab's own /bench page. Flags as of `npm run bench`:
 *   --suite a,b    --model a,b    --axis a,b    --json FILE    --add
 * The peers, each in a browser of its own, are measured after the rest.
 * CHROME_PATH names a browser. LAB_ADAPTER=swiftshader takes the browser's software adapter; without it that is taken where
 * the browser finds no hardware.
 */
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { build, preview } from 'vite';
import { parseReport, type Report } from '../bench/figure';
import { namesOf } from '../bench/names';
import { ReportFile } from '../bench/report_file';
import { figureLine, rooflineLine } from '../bench/table';
import { findBrowser, installBrowser } from './browser.mjs';

const FLAGS = ['--headless=new', '--no-sandbox', '--enable-unsafe-webgpu', '--disable-background-networking'];
const SOFTWARE = '--use-webgpu-adapter=swiftshader';
const REPORT = 'bench-report';
const POLL_MS = 1000;
const HOUR = 3_600_000;
const PEERS = 'peers';

const OPTIONS = {
  suite: { type: 'string', default: 'kernels,growth,steps' },
  model: { type: 'string', default: '' },
  axis: { type: 'string', default: '' },
  json: { type: 'string' },
  add: { type: 'boolean', default: false },
} as const;

const { values, file } = asked();
const suites = namesOf(values.suite);
await build({ logLevel: 'error' });
const server = await preview({ preview: { port: 0, host: '127.0.0.1', open: false }, logLevel: 'error' });
const base = server.resolvedUrls?.local[0] ?? '';
try {
  const wantsSoftware = process.env.LAB_ADAPTER === 'swiftshader';
  const measured =
    (wantsSoftware ? null : await measure([], wantsHardware())) ?? (await measure([SOFTWARE], true));
  if (!measured) throw new Error('The browser offers no WebGPU adapter, neither hardware nor software.');
  const { report, notes } = measured;
  file.checkAdapter(report.adapter);
  console.log(report.adapter);
  for (const note of notes) console.log(`  ${note}`);
  console.log(rooflineLine(report.roofline));
  for (const figure of report.figures) console.log(figureLine(figure));
  if (suites.includes(PEERS)) await addPeers(report);
  file.write(report);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await server.close();
}
process.exit();

/** The flags, and the report's file; ends the process where they are wrong. */
function asked() {
  try {
    const { values } = parseArgs({ options: OPTIONS });
    return { values, file: new ReportFile(values.json, values.add) };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}

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

/**
 * Runs the page to its report, with what it says of what was left out; null when the browser finds no adapter and the caller
 * has another to try.
 */
async function measure(
  flags: string[],
  isLast: boolean,
): Promise<{ report: Report; notes: string[] } | null> {
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
    if (problem === undefined)
      return { report: parseReport(text), notes: await page.locator('.bench-notes li').allTextContents() };
    if (!isLast && /no graphics adapter/.test(problem)) return null;
    throw new Error(problem);
  } finally {
    await browser.close();
  }
}
