import type { Gpu } from '../gpu/device';
import type { Storage } from '../kernels/quantize';
import type { LoadedModel } from '../model/folder';
import type { Adapter } from '../model/peft';
import { Policy } from '../model/policy';
import { fit, refuse, type Demand } from './fit';

const SEQUENCES_AT_ONCE = 128;

/** What a model that is only asked may have: an adapter beside it, and its matrices stored otherwise than as f32. */
export interface AskedOptions {
  adapter?: Adapter | undefined;
  weights?: Storage;
}

/**
 * A model that is only asked, never trained, and room for `sequences` of up to `context` tokens.
 * Errors: `out_of_memory` with the numbers.
 */
export async function openPolicy(
  gpu: Gpu,
  model: Pick<LoadedModel, 'config' | 'weights'>,
  context: number,
  sequences: number,
  asked: AskedOptions = {},
): Promise<Policy> {
  const demand = askedDemand(model, context, sequences, asked);
  const fitting = fit(gpu, demand, Infinity);
  if (!fitting) throw refuse(gpu, demand, Infinity, []);
  const policy = await Policy.open(gpu, model.config, model.weights, fitting.capacity, demand.options);
  if (asked.adapter) policy.loadAdapter(asked.adapter.tensors);
  return policy;
}

/** What such a model wants of the GPU. */
export function askedDemand(
  { config }: Pick<LoadedModel, 'config'>,
  context: number,
  sequences: number,
  asked: AskedOptions = {},
): Demand {
  const options = {
    trainable: false,
    reference: false,
    lora: asked.adapter?.config,
    weights: asked.weights ?? 'f32',
  };
  return { config, context, batch: Math.min(sequences, SEQUENCES_AT_ONCE), sequences, options };
}
