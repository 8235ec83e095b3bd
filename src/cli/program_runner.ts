/** Python programs on Node: pyodide in a worker thread that can be killed. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { HARNESS } from '../tasks/python/harness';
import { NO_SYMPY } from '../tasks/python/notices';
import type { FromProgramWorker, SpawnProgramWorker } from '../tasks/python/messages';
import { createRunner, type ClosableRunner, type RunnerOptions } from '../tasks/python/runner';
import source from './program_worker.mjs?raw';

/** A runner for P-CoT on Node. Nothing is loaded before the first program, and an idle one does not keep Node alive. */
export function nodeProgramRunner(options: RunnerOptions = {}): ClosableRunner {
  return createRunner(spawn, options);
}

const spawn: SpawnProgramWorker = (hear) => {
  const pyodide = pathToFileURL(createRequire(import.meta.url).resolve('pyodide/pyodide.mjs')).href;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: { pyodide, harness: HARNESS, noSympy: NO_SYMPY },
  });
  worker.on('message', (message: FromProgramWorker) => {
    if (message.type === 'result') worker.unref();
    hear(message);
  });
  worker.on('error', (error) => hear({ type: 'failed', message: String(error) }));
  worker.on('exit', () => hear({ type: 'failed', message: 'its worker ended' }));
  return {
    post: (message) => {
      worker.ref();
      worker.postMessage(message);
    },
    terminate: () => void worker.terminate(),
  };
};
