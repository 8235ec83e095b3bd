import { adapterName, type Gpu } from '../src/gpu/device';
import type { Figure, Report, Roofline } from './figure';
import { matmulTable } from './matmul_table';
import { AXES, checkNames, namesOf } from './names';
import { measureRoofline } from './roofline/roofline';
import { MODELS } from './shapes';
import type { BenchContext, SuiteTable } from './suite';

export interface BenchOptions {
  suites: SuiteTable;
  /** Names of the suites to run; `roofline` alone runs none. */
  chosen: readonly string[];
  models: readonly string[];
  versions: Record<string, string>;
  settings?: Readonly<Record<string, string | undefined>>;
  read: BenchContext['read'];
  /** Told of adapter and versions before anything else. */
  onStart?: (known: Pick<Report, 'adapter' | 'versions'>) => void;
  onRoofline?: (roofline: Roofline) => void;
  onFigure?: (figure: Figure) => void;
  onNote?: (sentence: string) => void;
}

/**
 * Measures the roofline, then runs the chosen suites in the table's order, with the matmul table that is pinned on the Gpu:
 * the report's versions name it. Errors: before anything is measured, a suite, model or axis that there is not.
 */
export async function runBench(gpu: Gpu, options: BenchOptions): Promise<Report> {
  const { suites, chosen, models, settings = {}, read } = options;
  const known = {
    adapter: adapterName(gpu.facts),
    versions: { ...options.versions, matmuls: matmulTable(gpu) },
  };
  options.onStart?.(known);
  checkNames('suite', chosen, ['roofline', ...Object.keys(suites)]);
  checkNames('model', models, MODELS);
  checkNames('axis', namesOf(settings['axis']), AXES);
  const figures: Figure[] = [];
  const report = (figure: Figure): void => {
    figures.push(figure);
    options.onFigure?.(figure);
  };
  const note = (sentence: string): void => options.onNote?.(sentence);
  note(`Matmul configurations: ${known.versions.matmuls}.`);
  const roofs = await measureRoofline(gpu, report, note);
  const roofline = { copy_gb_s: roofs.copy_gb_s, fma_gflop_s: roofs.fma_gflop_s };
  options.onRoofline?.(roofline);
  for (const [name, load] of Object.entries(suites)) {
    if (!chosen.includes(name)) continue;
    const suite = await load();
    await suite({ gpu, roofs, models, read, settings, report, note });
  }
  return { ...known, roofline, figures };
}
