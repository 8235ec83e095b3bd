/**
 * A Python interpreter in a Node worker thread; program_runner.ts starts it. Plain JavaScript, as Node runs it from
 * its source text. The browser's twin is src/worker/program_worker.ts.
 */
import { parentPort, workerData } from 'node:worker_threads';

const say = (message) => parentPort.postMessage(message);
const silent = () => undefined;

let sympy = 'not asked for';

/** Loads sympy once, from the cache beside pyodide or its CDN; says plainly when that fails. */
async function loadSympy(python) {
  sympy = 'asked for';
  await python.loadPackage('sympy', { messageCallback: silent, errorCallback: silent }).catch(silent);
  if ('sympy' in python.loadedPackages) python.runPython('import sympy');
  else say({ type: 'notice', text: workerData.noSympy });
}

try {
  const { loadPyodide } = await import(workerData.pyodide);
  const python = await loadPyodide({ stdout: silent, stderr: silent });
  const runProgram = python.runPython(`${workerData.harness}\nrun_program`);
  parentPort.on('message', async (message) => {
    try {
      if (message.sympy && sympy === 'not asked for') await loadSympy(python);
      say({ type: 'started' });
      const value = runProgram(message.program);
      say({ type: 'result', value: typeof value === 'string' ? value : null });
    } catch (error) {
      say({ type: 'failed', message: String(error) });
    }
  });
  say({ type: 'ready' });
} catch (error) {
  say({ type: 'failed', message: String(error) });
}
