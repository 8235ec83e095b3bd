import { openNodeGpu } from '../cli/node_gpu';
import { openGpu, type Gpu, type OpenOptions } from './device';

/**
 * The GPU of the tests: Dawn in Node on a real adapter, else on one of the software adapters of this machine. A machine
 * with none fails the test; nothing skips. LAB_ADAPTER=swiftshader|lavapipe|hardware picks one.
 */
export async function openTestGpu(options: OpenOptions = {}): Promise<Gpu> {
  return openGpu(await openNodeGpu(), options);
}

let shared: Promise<Gpu> | undefined;

/**
 * One GPU at WebGPU's default limits for all tests of a file that only use it: what one has compiled, the next ones have.
 * Tests that change it, or lose it, open one of their own. It is never closed.
 */
export function sharedTestGpu(): Promise<Gpu> {
  shared ??= openTestGpu({ defaultLimits: true });
  return shared;
}
