// npm start: builds the lab, serves it and opens it. PORT chooses the port, BROWSER=none opens nothing.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { platform } from 'node:os';
import { build, preview } from 'vite';

const HOST = '127.0.0.1'; // WebGPU needs https or localhost
const DEFAULT_PORT = 4173;

const port = process.env.PORT === undefined ? DEFAULT_PORT : Number(process.env.PORT);
if (!Number.isInteger(port) || port < 1 || port > 65535) {
  fail(`PORT is "${process.env.PORT}", which is not a port (1 to 65535).`);
}
const taken = await takenReason(port);
if (taken) fail(`Port ${port} ${taken}. Choose another: PORT=${port < 65535 ? port + 1 : 4173} npm start`);

console.log('Building the lab …');
await build({ logLevel: 'error' }).catch((error) => fail(`The lab could not be built: ${error.message}`));
const server = await preview({ preview: { port, strictPort: true, host: HOST, open: false } });
const url = `http://${HOST}:${port}/`;
console.log(`The lab is at ${url} (Ctrl-C ends it)`);
openBrowser(url);
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    server.httpServer.close();
    process.exit(0);
  });
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

/** Why a port cannot be listened on, or undefined: asked before the build, not after it. */
function takenReason(number) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error) => {
      const words = { EADDRINUSE: 'is taken by another program', EACCES: 'may not be used by this account' };
      resolve(words[error.code] ?? `cannot be used (${error.message})`);
    });
    probe.listen(number, HOST, () => probe.close(() => resolve(undefined)));
  });
}

function openBrowser(address) {
  const isHeadless = platform() === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY;
  if (process.env.BROWSER === 'none' || process.env.CI || isHeadless) return;
  const [command, ...argv] = { darwin: ['open'], win32: ['cmd', '/c', 'start', ''] }[platform()] ?? [
    'xdg-open',
  ];
  const child = spawn(process.env.BROWSER ?? command, process.env.BROWSER ? [address] : [...argv, address], {
    stdio: 'ignore',
    detached: true,
  });
  child.on('error', () => console.log('No browser could be opened; open the address yourself.'));
  child.unref();
}
