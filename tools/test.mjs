// npm test: type check, lint, build, unit tests (GPU tests on the software adapters found), the lab in a real browser,
// the kernels in Firefox. Ends with the line "N passed, N failed"; a step that crashes or tests nothing has failed.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { findAdapters } from './adapters.mjs';
import { findBrowser, findFirefox, installBrowser } from './browser.mjs';

const MINUTE = 60_000;
const GPU_FOLDERS = ['src/kernels', 'src/model'];
const KERNELS_SPEC = 'self_check.spec';
const FIREFOX_CHECK = 'e2e/firefox_self_check.mjs';

const reports = mkdtempSync(join(tmpdir(), 'reft-lab-test-'));
const env = { ...process.env };
const total = { passed: 0, failed: 0 };
const summary = [];

try {
  await step('browser', async () => prepareBrowser());
  const adapters = await prepareAdapters();
  await step('type check', typeCheck);
  await step('lint', lint);
  await step('build', build);
  await step(`unit tests (${adapters.first})`, () => vitest('unit', [], {}));
  if (adapters.second) {
    await step(`kernel and model tests (${adapters.second})`, () =>
      vitest('second', GPU_FOLDERS, { LAB_ADAPTER: adapters.second }),
    );
  }
  await step('the lab in a browser', () => playwright('lab', ['--grep-invert', KERNELS_SPEC]));
  // A browser compiles kernels on one core: two of them at once take hardly longer than one.
  await Promise.all([
    step('the kernels in a browser', () => playwright('kernels', [KERNELS_SPEC])),
    firefox(adapters),
  ]);
} finally {
  rmSync(reports, { recursive: true, force: true });
}
console.log(`\n${summary.join('\n')}`);
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed > 0 ? 1 : 0);

/** Runs one step; it gives {passed, failed}. One that throws, or gives no test at all, counts as one failed test. */
async function step(name, work) {
  console.log(`\n=== ${name} ===`);
  const begun = Date.now();
  let counts;
  try {
    counts = await work();
    if (counts.passed + counts.failed === 0 && !counts.isPreparation) {
      console.error(`${name}: not a single test was run.`);
      counts = { passed: 0, failed: 1 };
    }
  } catch (error) {
    console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    counts = { passed: 0, failed: 1 };
  }
  total.passed += counts.passed;
  total.failed += counts.failed;
  const seconds = ((Date.now() - begun) / 1000).toFixed(0);
  summary.push(`${name}: ${counts.passed} of ${counts.passed + counts.failed} passed, ${seconds} s`);
}

function prepareBrowser() {
  const path = findBrowser() ?? installBrowser();
  env.CHROME_PATH = path;
  console.log(path);
  return { passed: 0, failed: 0, isPreparation: true };
}

/** Which adapters the GPU tests run on: `first` for all of them, `second` (a software adapter) for the kernels again. */
async function prepareAdapters() {
  const found = findAdapters(env.CHROME_PATH);
  Object.assign(env, found.env);
  const software = ['lavapipe', 'swiftshader'].filter((name) => found[name]);
  const asked = process.env.LAB_ADAPTER;
  if (!asked && !found.own && software[0]) env.LAB_ADAPTER = software[0];
  const first = env.LAB_ADAPTER ?? nameOf(found.own);
  const second = software.length === 2 && !asked ? software.find((name) => name !== first) : undefined;
  if (first === undefined) {
    console.error(
      'Dawn finds no adapter here, neither hardware nor software: the GPU tests will fail. Install Mesa 25 or later ' +
        '(mesa-vulkan-drivers) or a Chromium, which brings SwiftShader.',
    );
  }
  console.log(`Adapters for the GPU tests: ${[first ?? 'none', second].filter(Boolean).join(', then ')}`);
  return { first: first ?? 'no adapter', second, hasLavapipe: Boolean(found.lavapipe) };
}

function nameOf(description) {
  if (description === undefined) return undefined;
  if (/llvmpipe|lavapipe/i.test(description)) return 'lavapipe';
  return /swiftshader/i.test(description) ? 'swiftshader' : 'hardware';
}

/** A check that counts as one test. */
async function check(script, argv) {
  const { code } = await run(process.execPath, [script, ...argv], { limit: 10 * MINUTE });
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** The lab, and the peers of the bench with the libraries that they alone need. */
async function typeCheck() {
  if (!existsSync('bench/node_modules')) {
    const install = ['ci', '--prefix', 'bench', '--ignore-scripts', '--no-audit', '--no-fund'];
    await run('npm', install, { limit: 5 * MINUTE });
  }
  const compiler = 'node_modules/typescript/bin/tsc';
  const lab = await check(compiler, ['--noEmit', '-p', '.']);
  const peers = await check(compiler, ['--noEmit', '-p', 'bench/peers']);
  return lab.failed + peers.failed > 0 ? { passed: 0, failed: 1 } : lab;
}

async function lint() {
  const eslint = await check('node_modules/eslint/bin/eslint.js', ['.']);
  const format = await check('node_modules/prettier/bin/prettier.cjs', [
    '--check',
    '--log-level',
    'warn',
    '.',
  ]);
  return eslint.failed + format.failed > 0 ? { passed: 0, failed: 1 } : eslint;
}

async function build() {
  const lab = await check('node_modules/vite/bin/vite.js', ['build', '--logLevel', 'error']);
  const cli = await check('node_modules/vite/bin/vite.js', [
    'build',
    '--logLevel',
    'error',
    '--config',
    'vite.cli.config.ts',
  ]);
  return lab.failed + cli.failed > 0 ? { passed: 0, failed: 1 } : lab;
}

async function vitest(name, folders, more) {
  const file = join(reports, `${name}.json`);
  const argv = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  // A busy machine with two cores and a software adapter is no fault of a test.
  argv.push(`--testTimeout=${5 * MINUTE}`, `--hookTimeout=${5 * MINUTE}`, ...folders);
  const { code, why } = await run(process.execPath, ['node_modules/vitest/vitest.mjs', ...argv], {
    limit: 20 * MINUTE,
    more,
  });
  if (!existsSync(file)) throw new Error(`vitest wrote no report (${why})`);
  const report = JSON.parse(readFileSync(file, 'utf8'));
  const passed = report.numPassedTests;
  // A file that does not load has no tests of its own; a test that is skipped was not passed.
  const unloaded = report.testResults.filter(
    (result) => result.status === 'failed' && result.assertionResults.every((one) => one.status === 'passed'),
  );
  const failed = report.numTotalTests - passed + unloaded.length;
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed };
}

async function playwright(name, argv) {
  const output = join('test-results', name);
  mkdirSync(output, { recursive: true });
  const file = join(reports, `${name}.json`);
  const command = ['node_modules/@playwright/test/cli.js', 'test', '--output', output, ...argv];
  const { code, why } = await run(process.execPath, command, {
    limit: 20 * MINUTE,
    more: { E2E_REPORT: file, E2E_PORT: String(await freePort()) },
  });
  if (!existsSync(file)) throw new Error(`Playwright wrote no report (${why})`);
  const { stats, errors } = JSON.parse(readFileSync(file, 'utf8'));
  const failed = stats.unexpected + stats.skipped + stats.flaky + errors.length;
  return { passed: stats.expected, failed: code !== 0 && failed === 0 ? 1 : failed };
}

/** The kernels under the second WGSL compiler, where a Firefox and the driver it needs are installed. */
async function firefox({ hasLavapipe }) {
  const browser = findFirefox();
  if (!browser || !hasLavapipe) {
    const missing = browser ? 'Mesa’s lavapipe 25 or later' : 'Firefox 141 or later';
    summary.push(`the kernels in Firefox: not run, ${missing} is not installed here`);
    return;
  }
  await step('the kernels in Firefox', async () => {
    let last;
    const { why } = await run(process.execPath, [FIREFOX_CHECK], {
      limit: 10 * MINUTE,
      more: { FIREFOX_PATH: browser },
      onLine: (line) => {
        last = /^(\d+) passed, (\d+) failed$/.exec(line) ?? last;
        console.log(`  ${line}`);
      },
    });
    if (!last) throw new Error(`the self-check gave no result (${why})`);
    return { passed: Number(last[1]), failed: Number(last[2]) };
  });
}

/** Runs a program to its end, or to `limit` milliseconds; `onLine` takes its standard output line by line. */
function run(command, argv, { limit, more = {}, onLine }) {
  return new Promise((resolve) => {
    const child = spawn(command, argv, {
      stdio: ['ignore', onLine ? 'pipe' : 'inherit', 'inherit'],
      env: { ...env, ...more },
    });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      console.error(`Stopped after ${limit / MINUTE} minutes.`);
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), 10_000).unref();
    }, limit);
    let rest = '';
    child.stdout?.on('data', (bytes) => {
      const lines = (rest + bytes.toString()).split('\n');
      rest = lines.pop();
      lines.forEach(onLine);
    });
    const end = (code, why) => {
      clearTimeout(timer);
      if (rest && onLine) onLine(rest);
      resolve({ code: late ? 1 : code, why: late ? 'it took too long' : why });
    };
    child.on('error', (error) => end(1, error.message));
    child.on('close', (code, signal) => end(code ?? 1, `exit code ${code ?? signal}`));
  });
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
