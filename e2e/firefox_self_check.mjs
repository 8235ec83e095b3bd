// Every kernel under the second WGSL compiler: opens the built self-check page in headless Firefox, takes the results it
// posts, prints what failed, ends with the line "N passed, N failed". Needs `npm run build` before.
// FIREFOX_PATH names a Firefox; VK_DRIVER_FILES a Vulkan driver, lavapipe by default.
import { spawn } from 'node:child_process';
import { createReadStream, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { fileURLToPath } from 'node:url';
import { softwareDrivers } from '../tools/adapters.mjs';
import { findFirefox } from '../tools/browser.mjs';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const LIMIT_MS = 9 * 60_000;
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const PREFERENCES = {
  'dom.webgpu.enabled': true,
  'dom.webgpu.workers.enabled': true,
  'gfx.webgpu.ignore-blocklist': true,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage_override.mstone': 'ignore',
  'datareporting.policy.dataSubmissionEnabled': false,
  'toolkit.telemetry.reportingpolicy.firstRun': false,
  'app.normandy.enabled': false,
  'app.update.enabled': false,
  'extensions.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
};

const firefox = process.env.FIREFOX_PATH ?? findFirefox();
if (!firefox) fail('No Firefox was found. Install one, or set FIREFOX_PATH to it.');
if (!existsSync(join(DIST, 'self_check.html'))) fail('dist/self_check.html is missing: npm run build first.');

const profile = mkdtempSync(join(tmpdir(), 'reft-lab-firefox-'));
writeFileSync(
  join(profile, 'user.js'),
  Object.entries(PREFERENCES)
    .map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`)
    .join(''),
);

let browser;
try {
  const report = await selfCheck();
  const failed = report.results.filter((result) => !result.ok);
  for (const { kernel, direction, shape, message } of failed) {
    console.log(`${kernel} ${direction} ${shape}: ${message}`);
  }
  if (report.problem) console.log(report.problem);
  const missing = Math.max(report.total - report.results.length, report.problem ? 1 : 0);
  console.log(`${report.browser}, ${report.adapter}, ${(report.milliseconds / 1000).toFixed(0)} s`);
  console.log(`${report.results.length - failed.length} passed, ${failed.length + missing} failed`);
  process.exitCode = failed.length + missing > 0 || report.results.length === 0 ? 1 : 0;
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  if (browser) await stop(browser);
  rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
}
process.exit();

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

/** Serves the built lab to a fresh Firefox and resolves with what its self-check page posts. */
function selfCheck() {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`Firefox posted no results in ${LIMIT_MS / 60_000} minutes.`)),
      LIMIT_MS,
    );
    const done = (settle, value) => {
      clearTimeout(timer);
      server.close();
      server.closeAllConnections();
      settle(value);
    };
    const server = createServer(async (request, response) => {
      if (request.method !== 'POST') return serve(request, response);
      let body = '';
      for await (const chunk of request) body += chunk;
      response.end('thank you', () => done(resolve, JSON.parse(body)));
    });
    server.listen(0, '127.0.0.1', () => {
      const url = `http://127.0.0.1:${server.address().port}/self_check.html?report=/report`;
      const { lavapipe } = softwareDrivers();
      browser = spawn(firefox, ['--headless', '--no-remote', '--profile', profile, url], {
        stdio: 'ignore',
        detached: true,
        env: {
          ...process.env,
          MOZ_HEADLESS: '1',
          ...(lavapipe && !process.env.VK_DRIVER_FILES ? { VK_DRIVER_FILES: lavapipe } : {}),
        },
      });
      browser.on('error', (error) => done(reject, error));
      browser.on('exit', (code) =>
        done(reject, new Error(`Firefox ended before its results (exit code ${code}).`)),
      );
    });
  });
}

function serve(request, response) {
  const path = normalize(new URL(request.url, 'http://localhost').pathname);
  const file = join(DIST, path);
  if (!existsSync(file) || !statSync(file).isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
  createReadStream(file).pipe(response);
}

/** Ends Firefox and the processes it started: it leads a group of its own. */
function stop(child) {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    const timer = setTimeout(() => signal(child, 'SIGKILL'), 5000);
    child.once('exit', () => {
      clearTimeout(timer);
      signal(child, 'SIGKILL');
      resolve();
    });
    signal(child, 'SIGTERM');
  });
}

function signal(child, name) {
  try {
    process.kill(-child.pid, name);
  } catch {
    // Nothing of it is left.
  }
}
