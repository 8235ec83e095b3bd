import type { Gpu } from '../gpu/device';
import type { LoadedModel } from '../model/folder';
import type { Adapter } from '../model/peft';
import { Policy } from '../model/policy';
import { fit, refuse, type Demand } from './fit';

const SEQUENCES_AT_ONCE = 128;

/**
 * A model that is only asked, never trained, with an adapter beside it if there is one, and room for `sequences` of up to
 * `context` tokens.
 * Errors: `out_of_memory` with the numbers.
 */
export async function openPolicy(
  gpu: Gpu,
  model: Pick<LoadedModel, 'config' | 'weights'>,
  context: number,
  sequences: number,
  adapter?: Adapter,
): Promise<Policy> {
  const demand = askedDemand(model, context, sequences, adapter);
  const fitting = fit(gpu, demand, Infinity);
  if (!fitting) throw refuse(gpu, demand, Infinity, []);
  const policy = await Policy.open(gpu, model.config, model.weights, fitting.capacity, demand.options);
  if (adapter) policy.loadAdapter(adapter.tensors);
  return policy;
}

/** What such a model wants of the GPU. */
export function askedDemand(
  { config }: Pick<LoadedModel, 'config'>,
  context: number,
  sequences: number,
  adapter?: Adapter,
): Demand {
  const options = { trainable: false, reference: false, lora: adapter?.config };
  return { config, context, batch: Math.min(sequences, SEQUENCES_AT_ONCE), sequences, options };
}
