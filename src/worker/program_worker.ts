/** A Python interpreter in a module worker of the browser; program_runner.ts starts it. Node's twin: cli/program_worker.mjs. */
import { loadPyodide, version } from 'pyodide';
import glueUrl from 'pyodide/pyodide.asm.mjs?url';
import lockUrl from 'pyodide/pyodide-lock.json?url';
import wasmUrl from 'pyodide/pyodide.asm.wasm?url';
import libraryUrl from 'pyodide/python_stdlib.zip?url';
import { HARNESS } from '../tasks/python/harness';
import { NO_SYMPY } from '../tasks/python/notices';
import type { FromProgramWorker, ToProgramWorker } from '../tasks/python/messages';

type Python = Awaited<ReturnType<typeof loadPyodide>>;

const say = (message: FromProgramWorker) => self.postMessage(message);
const silent = () => undefined;

type Options = NonNullable<Parameters<typeof loadPyodide>[0]>;

/** Python from the lab's own files, which a build gives other names. */
async function loadPython(): Promise<Python> {
  const here = (url: string) => new URL(url, self.location.href).href;
  const glue = (await import(/* @vite-ignore */ here(glueUrl))) as {
    default: Options['createPyodideModule'];
  };
  return loadPyodide({
    createPyodideModule: glue.default,
    // pyodide adds "/pyodide.asm.wasm" to this; behind a "?" a static server ignores it.
    indexURL: `${here(wasmUrl)}?file=`,
    stdLibURL: here(libraryUrl),
    lockFileURL: here(lockUrl),
    packageBaseUrl: `https://cdn.jsdelivr.net/pyodide/v${version}/full/`,
    stdout: silent,
    stderr: silent,
  });
}

let askedForSympy = false;

/** Loads sympy once, from pyodide's CDN; says plainly when that fails. */
async function loadSympy(python: Python): Promise<void> {
  askedForSympy = true;
  await python.loadPackage('sympy', { messageCallback: silent, errorCallback: silent }).catch(silent);
  if ('sympy' in python.loadedPackages) python.runPython('import sympy');
  else say({ type: 'notice', text: NO_SYMPY });
}

async function serve(): Promise<void> {
  const python = await loadPython();
  const runProgram = python.runPython(`${HARNESS}\nrun_program`) as (program: string) => unknown;
  self.addEventListener('message', ({ data }: MessageEvent<ToProgramWorker>) => {
    void run(python, runProgram, data);
  });
  say({ type: 'ready' });
}

async function run(
  python: Python,
  runProgram: (program: string) => unknown,
  asked: ToProgramWorker,
): Promise<void> {
  try {
    if (asked.sympy && !askedForSympy) await loadSympy(python);
    say({ type: 'started' });
    const value = runProgram(asked.program);
    say({ type: 'result', value: typeof value === 'string' ? value : null });
  } catch (error) {
    say({ type: 'failed', message: String(error) });
  }
}

serve().catch((error: unknown) => say({ type: 'failed', message: String(error) }));
