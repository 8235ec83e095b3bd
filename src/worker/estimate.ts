import type { Dataset } from '../data/dataset';
import { toLabError } from '../errors';
import { mib } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { Buffers } from '../model/buffers';
import type { LoadedModel } from '../model/folder';
import { recipes } from '../recipes';
import { planRun } from '../recipes/plan_run';
import { resolveConfig } from '../recipes/settings';
import type { Estimate, StartRun } from './protocol';

/** Exact bytes a run would take on the GPU, before anything is allocated, and whether this GPU can bind them. */
export function estimate(model: LoadedModel, dataset: Dataset, run: StartRun, gpu: Gpu): Estimate {
  const recipe = recipes.find(({ id }) => id === run.recipe);
  try {
    if (!recipe) throw new Error(`There is no recipe ${run.recipe}.`);
    const config = resolveConfig(recipe, undefined, run.config);
    const plan = planRun(model, dataset.problems, [], config);
    const buffers = new Buffers(model.config, plan.capacity, {
      trainable: true,
      reference: config['reference'] === 'frozen',
    });
    const bytes = buffers.bytes;
    const totalBytes = Object.values(bytes).reduce((sum, part) => sum + part, 0);
    const limit = Math.min(gpu.facts.maxBufferSize, gpu.facts.maxStorageBufferBindingSize);
    const fits = buffers.largest <= limit;
    const reason = fits
      ? null
      : `One buffer needs ${mib(buffers.largest)} and this GPU binds at most ${mib(limit)} at once.`;
    return { bytes, totalBytes, fits, reason };
  } catch (error) {
    return { bytes: {}, totalBytes: 0, fits: false, reason: toLabError(error).message };
  }
}
