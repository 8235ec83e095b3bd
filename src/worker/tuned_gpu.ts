import { openGpu, type Gpu } from '../gpu/device';
import { pinChoices } from '../kernels/matmul';
import { isTable, tableKey, tunedChoices } from '../model/tuned';
import { remembered } from './adapter_cache';

/** The page's GPU with the matmul table that is fastest on it, measured once an adapter and version of the lab. */
export async function openTunedGpu(gpu: GPU | undefined, measure = tunedChoices): Promise<Gpu> {
  const opened = await openGpu(gpu);
  pinChoices(opened, await remembered(tableKey(opened), isTable, () => measure(opened)));
  return opened;
}
