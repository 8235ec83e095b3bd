import type { Gpu } from './device';

/** What was asked of a device since the last look. */
export interface GpuCounts {
  /** Buffers, bind groups, layouts, shader modules, pipelines, textures, samplers and query sets created. */
  objects: number;
  /** Bytes of the buffers among them. */
  bytes: number;
  /** Submits that carried work. */
  submits: number;
  dispatches: number;
  /** Readbacks whose result arrived. */
  readbacks: number;
  /** Those of them that the queue ran dry for: nothing was submitted between the read and its arrival. */
  blockingReadbacks: number;
  /** Waits for the whole queue: whoever waits so reads nothing, and holds everything up. */
  waits: number;
}

const CREATES = [
  'createBindGroup',
  'createBindGroupLayout',
  'createComputePipeline',
  'createComputePipelineAsync',
  'createPipelineLayout',
  'createQuerySet',
  'createSampler',
  'createShaderModule',
  'createTexture',
] as const;

const NOTHING: GpuCounts = {
  objects: 0,
  bytes: 0,
  submits: 0,
  dispatches: 0,
  readbacks: 0,
  blockingReadbacks: 0,
  waits: 0,
};

/**
 * Watches a device: for tests and the bench, which hold a steady step to no objects and no blocking readbacks, and the byte
 * plan to the bytes allocated. Attach it before the buffers whose readbacks it is to see are made; it stays attached
 * for the life of the device. Command encoders and passes are not counted: every submit needs them.
 */
export class GpuCounter {
  /** Bytes of the buffers made since it was attached and not destroyed yet. */
  liveBytes = 0;
  private counts: GpuCounts = { ...NOTHING };
  /** Submits since it was attached. */
  private submitted = 0;

  constructor({ device }: Pick<Gpu, 'device'>) {
    this.watchCreations(device);
    this.watchBuffers(device);
    this.watchPasses(device);
    this.watchSubmits(device.queue);
  }

  /** Counts since the last call. */
  take(): GpuCounts {
    const taken = this.counts;
    this.counts = { ...NOTHING };
    return taken;
  }

  private watchCreations(device: GPUDevice): void {
    for (const name of CREATES) {
      const create = device[name].bind(device) as (descriptor?: unknown) => unknown;
      const counting = (descriptor?: unknown): unknown => {
        this.counts.objects += 1;
        return create(descriptor);
      };
      Object.defineProperty(device, name, { value: counting, configurable: true });
    }
  }

  private watchBuffers(device: GPUDevice): void {
    const create = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => {
      const buffer = create(descriptor);
      this.counts.objects += 1;
      this.counts.bytes += descriptor.size;
      this.liveBytes += descriptor.size;
      const map = buffer.mapAsync.bind(buffer);
      buffer.mapAsync = async (...range) => {
        const before = this.submitted;
        await map(...range);
        this.counts.readbacks += 1;
        if (this.submitted === before) this.counts.blockingReadbacks += 1;
      };
      const destroy = buffer.destroy.bind(buffer);
      let live = true;
      buffer.destroy = () => {
        if (live) this.liveBytes -= descriptor.size;
        live = false;
        destroy();
      };
      return buffer;
    };
  }

  private watchPasses(device: GPUDevice): void {
    eachPass(device, (pass) => {
      const dispatch = pass.dispatchWorkgroups.bind(pass);
      pass.dispatchWorkgroups = (x, y, z) => {
        this.counts.dispatches += 1;
        dispatch(x, y, z);
      };
    });
  }

  private watchSubmits(queue: GPUQueue): void {
    const submit = queue.submit.bind(queue);
    queue.submit = (buffers) => {
      const list = [...buffers];
      if (list.length) {
        this.submitted += 1;
        this.counts.submits += 1;
      }
      submit(list);
    };
    const done = queue.onSubmittedWorkDone.bind(queue);
    queue.onSubmittedWorkDone = () => {
      this.counts.waits += 1;
      return done();
    };
  }
}

/** For tests and the bench: hands every compute pass that begins from now on to `change`. Returns how to end it. */
export function eachPass(device: GPUDevice, change: (pass: GPUComputePassEncoder) => void): () => void {
  const create = device.createCommandEncoder.bind(device);
  device.createCommandEncoder = (descriptor) => {
    const encoder = create(descriptor);
    const begin = encoder.beginComputePass.bind(encoder);
    encoder.beginComputePass = (options) => {
      const pass = begin(options);
      change(pass);
      return pass;
    };
    return encoder;
  };
  return () => void (device.createCommandEncoder = create);
}
