import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'vite';
import { packageRoot } from './files';

/** What a call of the built `reft-lab` printed, and its exit code. */
export interface Called {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A folder of this process's own: test files run side by side, and none may build over another's. */
const outDir = join(packageRoot(), 'node_modules/.cache', `reft-lab-cli-${process.pid}`);

/** Builds the command line as `npm run build:cli` does, so that tests call what people call. */
export async function buildCli(): Promise<void> {
  const root = packageRoot();
  await build({ root, configFile: join(root, 'vite.cli.config.ts'), logLevel: 'warn', build: { outDir } });
}

/** Removes what `buildCli` built. */
export function removeCli(): Promise<void> {
  return rm(outDir, { recursive: true, force: true });
}

export interface CallOptions {
  /** Sends Ctrl-C as soon as standard error holds this text. */
  interruptAt?: string;
  /** Variables beside this process's own. */
  env?: Record<string, string>;
}

/** Calls the built `reft-lab` in `folder`. */
export function callCli(argv: readonly string[], folder: string, options?: CallOptions): Promise<Called> {
  return callNode([join(outDir, 'reft-lab.js'), ...argv], folder, options);
}

/** Runs a script in Node and gives what it printed. */
export function callNode(
  argv: readonly string[],
  folder: string,
  { interruptAt, env }: CallOptions = {},
): Promise<Called> {
  const child = spawn(process.execPath, argv, { cwd: folder, env: { ...process.env, ...env } });
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
