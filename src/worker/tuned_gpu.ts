import { adapterName, openGpu, type Gpu } from '../gpu/device';
import { pinChoices } from '../kernels/matmul';
import { tunedChoices } from '../model/tuned';
import { VERSION } from '../version';
import { remembered } from './adapter_cache';

type Choices = Record<string, string>;

/** The page's GPU with the matmul table that is fastest on it, measured once an adapter and version of the lab. */
export async function openTunedGpu(gpu: GPU | undefined, measure = tunedChoices): Promise<Gpu> {
  const opened = await openGpu(gpu);
  const { vendor, architecture } = opened.facts;
  const key = [adapterName(opened.facts), vendor, architecture, VERSION].join(' | ');
  pinChoices(opened, await remembered(key, isChoices, () => measure(opened)));
  return opened;
}

function isChoices(value: unknown): value is Choices {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((chosen) => typeof chosen === 'string')
  );
}
