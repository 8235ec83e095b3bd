import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Outcome } from './contest';
import type { Launch } from './index';

/** A trial that takes longer has hung. */
export const TRIAL_LIMIT_MS = 300_000;

/** Launches every contestant as a child of this process. */
export async function launchChildren(): Promise<Launch> {
  await prepare('node');
  return async (contestant, work) => {
    const output = await run(
      process.execPath,
      ['bench/dist/node/contestant.js', contestant, work],
      TRIAL_LIMIT_MS,
    );
    const outcome = output.trim().split('\n').at(-1) ?? '';
    return JSON.parse(outcome) as Outcome;
  };
}

/** Installs the peers where they are missing, and builds the contestants for Node or for a browser's page. */
export async function prepare(mode: 'node' | 'browser'): Promise<void> {
  if (!existsSync('bench/node_modules'))
    await run('npm', ['ci', '--prefix', 'bench', '--ignore-scripts', '--no-audit', '--no-fund']);
  const vite = ['node_modules/vite/bin/vite.js', 'build', '--config', 'bench/peers/vite.config.ts'];
  await run(process.execPath, [...vite, '--mode', mode]);
}

/** What a command wrote to stdout. Errors: throws with the end of what it said when it fails, or runs into a limit. */
function run(command: string, args: string[], timeout?: number): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout });
  let out = '';
  let said = '';
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (said += data.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code === 0) resolve(out);
      else
        reject(new Error(`${command} ${args.join(' ')} ended with ${code ?? signal}: ${said.slice(-2000)}`));
    });
  });
}
