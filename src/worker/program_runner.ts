/** Python programs in the browser: pyodide in a module worker that can be killed. */
import type { FromProgramWorker, SpawnProgramWorker } from '../tasks/python/messages';
import { createRunner, type ClosableRunner, type RunnerOptions } from '../tasks/python/runner';

/** A runner for P-CoT in the browser. Nothing is fetched before the first program. */
export function browserProgramRunner(options: RunnerOptions = {}): ClosableRunner {
  return createRunner(spawn, options);
}

const spawn: SpawnProgramWorker = (hear) => {
  const worker = new Worker(new URL('./program_worker.ts', import.meta.url), {
    type: 'module',
    name: 'python',
  });
  worker.addEventListener('message', ({ data }: MessageEvent<FromProgramWorker>) => hear(data));
  worker.addEventListener('error', (event) => hear({ type: 'failed', message: event.message }));
  return { post: (message) => worker.postMessage(message), terminate: () => worker.terminate() };
};
