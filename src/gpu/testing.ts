import { openNodeGpu } from '../cli/node_gpu';
import { openGpu, type Gpu, type OpenOptions } from './device';

/**
 * The GPU of the tests: Dawn in Node on a real adapter, else on one of the software adapters of this machine. A machine
 * with none fails the test; nothing skips. LAB_ADAPTER=swiftshader|lavapipe|hardware picks one.
 */
export async function openTestGpu(options: OpenOptions = {}): Promise<Gpu> {
  return openGpu(await openNodeGpu(), options);
}
