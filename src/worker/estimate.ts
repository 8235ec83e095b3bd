import type { Dataset } from '../data/dataset';
import { toLabError } from '../errors';
import type { Gpu } from '../gpu/device';
import { trainable, type AnyModel } from '../model/onnx_folder';
import { recipes } from '../recipes';
import { askedRoom, evaluation } from '../recipes/evaluation';
import { fit, refuse } from '../recipes/fit';
import { askedDemand } from '../recipes/open_policy';
import { planRun } from '../recipes/plan_run';
import { resolveConfig } from '../recipes/settings';
import type { Estimate, StartRun } from './protocol';

/** Exact bytes a run would take on the GPU, before anything is allocated, or why it would not fit and what would. */
export function estimate(
  gpu: Gpu,
  model: AnyModel,
  dataset: Dataset,
  evalDataset: Dataset | null,
  run: StartRun,
): Estimate {
  const recipe = recipes.find(({ id }) => id === run.recipe);
  try {
    if (run.recipe === evaluation.id) return askedEstimate(gpu, model, dataset, run);
    if (!recipe) throw new Error(`There is no recipe ${run.recipe}.`);
    const config = resolveConfig(recipe, undefined, run.config);
    const plan = planRun(gpu, trainable(model), dataset.problems, evalDataset?.problems ?? [], config);
    return { bytes: plan.bytes, totalBytes: plan.totalBytes, fits: true, reason: null };
  } catch (error) {
    return { bytes: {}, totalBytes: 0, fits: false, reason: toLabError(error).message };
  }
}

/** An evaluation: what onnxruntime-web takes beside the weights is its own affair. */
function askedEstimate(gpu: Gpu, model: AnyModel, dataset: Dataset, run: StartRun): Estimate {
  const { context, sequences } = askedRoom(model, dataset, resolveConfig(evaluation, undefined, run.config));
  if ('graph' in model) {
    const weights = model.external.reduce((sum, { data }) => sum + data.length, model.graph.length);
    return { bytes: { weights }, totalBytes: weights, fits: true, reason: null };
  }
  const demand = askedDemand(model, context, sequences);
  const fitting = fit(gpu, demand, Infinity);
  if (!fitting) throw refuse(gpu, demand, Infinity, []);
  return { bytes: fitting.bytes, totalBytes: fitting.totalBytes, fits: true, reason: null };
}
