import type { Figure, Report, Roofline } from '../../bench/figure';
import { runBench } from '../../bench/run';
import { suites } from '../../bench/suites';
import { toLabError } from '../errors';
import { VERSION } from '../version';
import { openTunedGpu } from './tuned_gpu';

/** What the page asks of this worker: once, then it ends with `done` or `failed`. */
export interface BenchRequest {
  /** Names of suites; the roofline is always measured. */
  suites: string[];
  /** Names of models; none: all. */
  models: string[];
  /** Which axes of growth, with commas; none: all. */
  axis?: string;
  /** The browser, for the report's versions. */
  browser: string;
}

export type BenchEvent =
  | ({ type: 'start' } & Pick<Report, 'adapter' | 'versions'>)
  | { type: 'roofline'; roofline: Roofline }
  | { type: 'figure'; figure: Figure }
  | { type: 'note'; sentence: string }
  | { type: 'done'; report: Report }
  | { type: 'failed'; message: string };

// Bundled models and problems lie beside the page: one folder above the built worker, at the root of the dev server.
const base = new URL(import.meta.env.DEV ? '/' : '../', self.location.href);
const post = (event: BenchEvent): void => self.postMessage(event);

async function read(path: string): Promise<Uint8Array> {
  const response = await fetch(new URL(path, base));
  if (!response.ok) throw new Error(`${path} could not be loaded (status ${response.status}).`);
  return new Uint8Array(await response.arrayBuffer());
}

async function run({ suites: chosen, models, axis, browser }: BenchRequest): Promise<void> {
  const gpu = await openTunedGpu(navigator.gpu);
  const report = await runBench(gpu, {
    suites,
    chosen,
    models,
    versions: { lab: VERSION, browser },
    settings: { axis },
    read,
    onStart: (known) => post({ type: 'start', ...known }),
    onRoofline: (roofline) => post({ type: 'roofline', roofline }),
    onFigure: (figure) => post({ type: 'figure', figure }),
    onNote: (sentence) => post({ type: 'note', sentence }),
  });
  gpu.close();
  post({ type: 'done', report });
}

self.onmessage = ({ data }: MessageEvent<BenchRequest>) =>
  void run(data).catch((error: unknown) => post({ type: 'failed', message: toLabError(error).message }));
