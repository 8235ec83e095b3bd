import type { Dataset } from '../data/dataset';
import { toLabError } from '../errors';
import type { Gpu } from '../gpu/device';
import type { LoadedModel } from '../model/folder';
import { recipes } from '../recipes';
import { planRun } from '../recipes/plan_run';
import { resolveConfig } from '../recipes/settings';
import type { Estimate, StartRun } from './protocol';

/** Exact bytes a run would take on the GPU, before anything is allocated, or why it would not fit and what would. */
export function estimate(
  gpu: Gpu,
  model: LoadedModel,
  dataset: Dataset,
  evalDataset: Dataset | null,
  run: StartRun,
): Estimate {
  const recipe = recipes.find(({ id }) => id === run.recipe);
  try {
    if (!recipe) throw new Error(`There is no recipe ${run.recipe}.`);
    const config = resolveConfig(recipe, undefined, run.config);
    const plan = planRun(gpu, model, dataset.problems, evalDataset?.problems ?? [], config);
    return { bytes: plan.bytes, totalBytes: plan.totalBytes, fits: true, reason: null };
  } catch (error) {
    return { bytes: {}, totalBytes: 0, fits: false, reason: toLabError(error).message };
  }
}
