#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const built = new URL('../dist-cli/reft-lab.js', import.meta.url);
if (existsSync(fileURLToPath(built))) {
  await import(built.href);
} else {
  console.error(
    'reft-lab is not built yet. Run "npm run build:cli" in its folder (npm ci does it too), then again.',
  );
  process.exit(1);
}
