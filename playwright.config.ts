import { defineConfig } from '@playwright/test';

// The built lab in a real browser with WebGPU on its software adapter. tools/test.mjs chooses browser, port and report;
// `npm run test:e2e` alone takes chromium from the PATH of the distribution, after `npm run build`.
const port = Number(process.env.E2E_PORT ?? 4391);
const minute = 60_000;

export default defineConfig({
  testDir: 'e2e',
  testMatch: '*.spec.ts',
  timeout: 10 * minute, // a software adapter trains slowly
  expect: { timeout: minute },
  workers: 1,
  forbidOnly: true,
  retries: 0,
  reporter: [['list'], ['json', { outputFile: process.env.E2E_REPORT ?? 'test-results/report.json' }]],
  use: {
    baseURL: `http://127.0.0.1:${port}/`,
    viewport: { width: 1280, height: 900 },
    actionTimeout: minute,
    navigationTimeout: minute,
    trace: 'off',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.CHROME_PATH ?? '/usr/bin/chromium',
      args: [
        '--headless=new',
        '--no-sandbox',
        '--enable-unsafe-webgpu',
        '--use-webgpu-adapter=swiftshader',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run',
      ],
    },
  },
  webServer: {
    command: `node node_modules/vite/bin/vite.js preview --host 127.0.0.1 --port ${port} --strictPort`,
    url: `http://127.0.0.1:${port}/`,
    timeout: minute,
    reuseExistingServer: false,
  },
});
