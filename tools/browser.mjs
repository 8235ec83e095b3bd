import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir, platform } from 'node:os';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';

const COMMANDS = [
  'google-chrome-stable',
  'google-chrome',
  'chromium',
  'chromium-browser',
  'microsoft-edge-stable',
  'microsoft-edge',
];
const FIREFOX_WITH_WEBGPU = 141;
const FIREFOX_COMMANDS = ['firefox-esr', 'firefox'];
const APPLICATIONS = {
  darwin: ['Google Chrome', 'Chromium', 'Microsoft Edge'].flatMap((name) =>
    ['/Applications', join(homedir(), 'Applications')].map((folder) =>
      join(folder, `${name}.app`, 'Contents', 'MacOS', name),
    ),
  ),
  win32: ['Google\\Chrome\\Application\\chrome.exe', 'Microsoft\\Edge\\Application\\msedge.exe'].flatMap(
    (path) =>
      [process.env.PROGRAMFILES, process.env['PROGRAMFILES(X86)'], process.env.LOCALAPPDATA]
        .filter(Boolean)
        .map((folder) => join(folder, path)),
  ),
};
const INSTALL_LIMIT_MS = 5 * 60_000;

/** An installed Chrome, Chromium or Edge that runs (CHROME_PATH first), or undefined. */
export function findBrowser() {
  return [
    process.env.CHROME_PATH,
    ...COMMANDS.map(onPath),
    ...(APPLICATIONS[platform()] ?? []),
    chromium.executablePath(),
  ].find((path) => path && existsSync(path) && runs(path));
}

/** An installed Firefox that runs and has WebGPU (version 141 and later), or undefined. */
export function findFirefox() {
  return FIREFOX_COMMANDS.map(onPath).find((path) => path && firefoxVersion(path) >= FIREFOX_WITH_WEBGPU);
}

function firefoxVersion(path) {
  const { stdout } = spawnSync(path, ['--version'], { timeout: 30_000, encoding: 'utf8' });
  return Number(/Firefox (\d+)/.exec(stdout ?? '')?.[1] ?? 0);
}

/**
 * Installs a browser: Playwright's Chromium, else the distribution's package (Debian and Ubuntu, as root).
 * Gives its path, or throws with a sentence that says what to do.
 */
export function installBrowser() {
  console.log('No Chrome, Chromium or Edge was found; installing Playwright’s Chromium.');
  call(process.execPath, ['node_modules/playwright/cli.js', 'install', 'chromium']);
  const downloaded = findBrowser();
  if (downloaded) return downloaded;
  if (process.getuid?.() === 0 && onPath('apt-get')) {
    console.log('That did not give a browser that runs; installing the distribution’s package.');
    call('apt-get', ['update']);
    call('apt-get', ['install', '-y', '--no-install-recommends', 'chromium', 'fonts-liberation']);
    const packaged = findBrowser();
    if (packaged) return packaged;
  }
  throw new Error(
    'No Chrome, Chromium or Edge was found and none could be installed. Install one, or set CHROME_PATH to it, and try again.',
  );
}

function call(command, argv) {
  spawnSync(command, argv, {
    stdio: 'inherit',
    timeout: INSTALL_LIMIT_MS,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}

/** Where a command lies on the PATH, or undefined. */
function onPath(command) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, command))
    .find((path) => existsSync(path));
}

/** Whether a browser starts at all: some commands are only a hint to install the real one. */
function runs(path) {
  // Chrome on Windows opens a window when asked for its version.
  if (platform() === 'win32') return true;
  return spawnSync(path, ['--version'], { timeout: 30_000, stdio: 'ignore' }).status === 0;
}
