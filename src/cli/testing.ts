import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'vite';
import { packageRoot } from './files';

/** What a call of the built `reft-lab` printed, and its exit code. */
export interface Called {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Builds dist-cli/ as `npm run build:cli` does, so that tests call what people call. */
export async function buildCli(): Promise<void> {
  await build({
    root: packageRoot(),
    configFile: join(packageRoot(), 'vite.cli.config.ts'),
    logLevel: 'warn',
  });
}

/** Calls the built `reft-lab` in `folder`. `interruptAt` sends Ctrl-C as soon as standard error holds that text. */
export function callCli(argv: readonly string[], folder: string, interruptAt?: string): Promise<Called> {
  const child = spawn(process.execPath, [join(packageRoot(), 'bin/reft-lab.js'), ...argv], { cwd: folder });
  const called: Called = { code: null, stdout: '', stderr: '' };
  let interrupted = false;
  child.stdout.on('data', (bytes: Buffer) => (called.stdout += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => {
    called.stderr += bytes.toString();
    if (interruptAt !== undefined && !interrupted && called.stderr.includes(interruptAt)) {
      interrupted = true;
      child.kill('SIGINT');
    }
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ ...called, code }));
  });
}
