import { LabError } from '../errors';
import { adapterName, openGpu, type Gpu } from '../gpu/device';
import type { Io } from './io';
import { pinTuned } from './tuned_gpu';

/**
 * The GPU of this machine, named on standard error. Dawn is loaded only now: commands without a GPU do without it.
 * Errors: `unsupported` in words for a command line.
 */
export async function openCliGpu(io: Io): Promise<Gpu> {
  let gpu: Gpu;
  try {
    const { openNodeGpu } = await import('./node_gpu');
    gpu = await openGpu(await openNodeGpu());
  } catch (cause) {
    if (!(cause instanceof LabError) || cause.code !== 'unsupported') throw cause;
    throw new LabError(
      'unsupported',
      'No graphics adapter was found here, neither hardware nor software. Install a graphics driver with Vulkan, or a ' +
        'software adapter: Mesa 25 or later (mesa-vulkan-drivers), or Chromium, which brings SwiftShader.',
      { cause },
    );
  }
  await pinTuned(gpu);
  io.note(`adapter: ${adapterName(gpu.facts)}`);
  return gpu;
}
