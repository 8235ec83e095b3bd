import { LabError } from '../errors';
import { BusyClock } from './busy_clock';
import type { Kernel } from './kernel';

/** What is known of an adapter, as plain data: shown to people and recorded with every run and figure. */
export interface AdapterFacts {
  vendor: string;
  architecture: string;
  description: string;
  /** A CPU pretending to be a GPU (SwiftShader, llvmpipe, WARP): slow, but computes the same. */
  isSoftware: boolean;
  features: string[];
  maxBufferSize: number;
  maxStorageBufferBindingSize: number;
  maxComputeWorkgroupStorageSize: number;
  /** Threads of a subgroup (4 to 64), where the device has subgroups and they all have one size. */
  subgroupSize?: number;
}

export interface OpenOptions {
  /** Ask for no more than WebGPU's guaranteed limits, as the weakest device would grant. */
  defaultLimits?: boolean;
  /** Ask for no optional features. */
  noFeatures?: boolean;
}

const WANTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
] as const;
const WANTED_FEATURES = ['timestamp-query', 'shader-f16', 'subgroups'] as const;
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|warp|basic render/i;

/**
 * A GPU that can be computed on: the device, the facts of its adapter, its pipelines, and the first thing that
 * went wrong with it.
 */
export class Gpu {
  readonly device: GPUDevice;
  readonly facts: AdapterFacts;
  /** Settles with the typed error once the device is lost; never rejects. */
  readonly lost: Promise<LabError>;
  /**
   * Which kernel configuration multiplies matrices of which shapes: plain data, recorded with runs. Empty until the first
   * matmul is recorded or a table is pinned (src/kernels/matmul.ts); the same from then on.
   */
  choices: Readonly<Record<string, string>> = {};
  /** When products are split over k, where it is not the rule of the adapter's kind (src/kernels/matmul_split.ts). */
  split: Readonly<{ tile: number; workgroups: number; depth: number }> | undefined;
  /** When it was at work: readbacks and everything else that is waited for. */
  readonly busy = new BusyClock();
  private failure: LabError | undefined;
  private closed = false;
  private readonly pipelines = new Map<string, GPUComputePipeline>();

  constructor(device: GPUDevice, facts: AdapterFacts) {
    this.device = device;
    this.facts = facts;
    device.addEventListener('uncapturederror', (event) => {
      this.failure ??= fromGpuError(event.error);
    });
    this.lost = device.lost.then((info) => {
      const error = new LabError(
        'device_lost',
        `The GPU stopped (${info.reason}${info.message ? `: ${info.message}` : ''}). ` +
          'What was saved is kept; start again, if need be with a smaller batch or after closing other tabs.',
      );
      if (!this.closed) this.failure ??= error;
      return error;
    });
  }

  /** Throws the first asynchronous failure of this device, if there was one. Call after every await on it. */
  throwIfFailed(): void {
    if (this.failure) throw this.failure;
  }

  /** The compute pipeline of a kernel with these override constants, compiled once a device. */
  pipeline(kernel: Kernel, constants: Record<string, number> = {}): GPUComputePipeline {
    const key = pipelineKey(kernel, constants);
    let pipeline = this.pipelines.get(key);
    if (!pipeline) {
      pipeline = this.device.createComputePipeline(this.pipelineDescriptor(kernel, constants));
      this.pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  /** Compiles that pipeline beside other work, so that `pipeline` then has it at once. Errors: the compiler's. */
  async compile(kernel: Kernel, constants: Record<string, number> = {}): Promise<void> {
    const key = pipelineKey(kernel, constants);
    if (this.pipelines.has(key)) return;
    const descriptor = this.pipelineDescriptor(kernel, constants);
    this.pipelines.set(key, await this.device.createComputePipelineAsync(descriptor));
  }

  private pipelineDescriptor(
    kernel: Kernel,
    constants: Record<string, number>,
  ): GPUComputePipelineDescriptor {
    return {
      label: kernel.name,
      layout: this.device.createPipelineLayout({ bindGroupLayouts: [this.bindGroupLayout(kernel)] }),
      compute: {
        module: this.device.createShaderModule({ label: kernel.name, code: kernel.wgsl }),
        entryPoint: 'main',
        constants,
      },
    };
  }

  private bindGroupLayout(kernel: Kernel): GPUBindGroupLayout {
    const entries: GPUBindGroupLayoutEntry[] = Object.values(kernel.buffers).map((access, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: access === 'read' ? 'read-only-storage' : 'storage' },
    }));
    entries.push({
      binding: entries.length,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: 'uniform' },
    });
    return this.device.createBindGroupLayout({ label: kernel.name, entries });
  }

  /** Resolves when everything submitted so far has run. Errors: whatever the device met. */
  async idle(): Promise<void> {
    await this.device.queue.onSubmittedWorkDone();
    this.throwIfFailed();
  }

  /** Gives the device back; its buffers are gone. */
  close(): void {
    this.closed = true;
    this.device.destroy();
  }
}

const pipelineKey = (kernel: Kernel, constants: Record<string, number>): string =>
  kernel.name + JSON.stringify(constants);

function fromGpuError(error: GPUError): LabError {
  // By name, not instanceof: Dawn in Node does not expose these constructors as globals everywhere.
  const kind = error.constructor.name;
  if (kind === 'GPUOutOfMemoryError') {
    return new LabError(
      'out_of_memory',
      `The GPU has no room for this (${error.message}). Use a smaller model, batch or max_new_tokens.`,
    );
  }
  return new LabError('bug', `The GPU refused a command: ${error.message}`);
}

/**
 * Opens the adapter behind `gpu` (`navigator.gpu`, or Dawn's in Node) with the best limits it grants.
 * Errors: `unsupported`, in a sentence, when there is no WebGPU or no adapter.
 */
export async function openGpu(gpu: GPU | undefined, options: OpenOptions = {}): Promise<Gpu> {
  if (!gpu) {
    throw new LabError(
      'unsupported',
      'This browser has no WebGPU, so nothing can be trained here. Chrome or Edge 113 and later, ' +
        'Safari 26 and Firefox 141 and later have it (https pages or localhost only).',
    );
  }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new LabError(
      'unsupported',
      'WebGPU is here, but it offers no graphics adapter. Update the graphics driver, or turn on hardware ' +
        'acceleration in the browser settings, and reload.',
    );
  }
  const requiredFeatures: GPUFeatureName[] = options.noFeatures
    ? []
    : WANTED_FEATURES.filter((feature) => adapter.features.has(feature));
  const requiredLimits: Record<string, number> = {};
  if (!options.defaultLimits) {
    for (const limit of WANTED_LIMITS) requiredLimits[limit] = adapter.limits[limit];
  }
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
  } catch (cause) {
    throw new LabError(
      'unsupported',
      `The graphics adapter would not open: ${cause instanceof Error ? cause.message : String(cause)}. ` +
        'Close other pages that use the GPU and reload.',
      { cause },
    );
  }
  return new Gpu(device, adapterFacts(adapter, device));
}

function adapterFacts(adapter: GPUAdapter, device: GPUDevice): AdapterFacts {
  const { vendor, architecture, description, subgroupMinSize, subgroupMaxSize } = adapter.info;
  const oneSize = device.features.has('subgroups') && subgroupMinSize === subgroupMaxSize;
  return {
    vendor,
    architecture,
    description,
    isSoftware: isSoftware(adapter.info),
    features: [...device.features].sort(),
    maxBufferSize: device.limits.maxBufferSize,
    maxStorageBufferBindingSize: device.limits.maxStorageBufferBindingSize,
    maxComputeWorkgroupStorageSize: device.limits.maxComputeWorkgroupStorageSize,
    ...(oneSize && subgroupMinSize ? { subgroupSize: subgroupMinSize } : {}),
  };
}

/** Whether an adapter computes on the CPU. */
export const isSoftware = ({
  isFallbackAdapter,
  vendor,
  architecture,
  description,
}: GPUAdapterInfo): boolean => isFallbackAdapter || SOFTWARE.test(`${vendor} ${architecture} ${description}`);

/** One line that names an adapter in tables and records. */
export function adapterName(facts: AdapterFacts): string {
  const name = facts.description || [facts.vendor, facts.architecture].filter(Boolean).join(' ') || 'unknown';
  return facts.isSoftware ? `${name} (software)` : name;
}
