import type { View } from './arena';
import type { Gpu } from './device';
import { paramsBytes, writeParams, type Grid, type Kernel } from './kernel';

/** What one dispatch needs of a step: the values of its params and how many workgroups. */
export interface Launch<P extends string> {
  params: Readonly<Record<P, number>>;
  grid: Grid;
}

interface Dispatch<D> {
  kernel: Kernel;
  pipeline: GPUComputePipeline;
  bindGroup: GPUBindGroup;
  launch: (dims: D) => Launch<string>;
}

const SLOT = 256;

/**
 * A recorded list of dispatches: made once (pipelines, bind groups, one uniform buffer), run many times with other
 * dims, so that a training step in steady state creates no GPU object. `D` is the type of the dims of a step.
 */
export class Plan<D> {
  readonly label: string;
  readonly gpu: Gpu;
  private readonly dispatches: Dispatch<D>[] = [];
  private readonly bindings: { kernel: Kernel; views: View[]; pipeline: GPUComputePipeline }[] = [];
  private readonly launches: ((dims: D) => Launch<string>)[] = [];
  private uniforms: GPUBuffer | undefined;
  private mirror = new DataView(new ArrayBuffer(0));
  private grids: Grid[] = [];

  constructor(gpu: Gpu, label: string) {
    this.gpu = gpu;
    this.label = label;
  }

  /**
   * Records one dispatch. `buffers` holds a view for every buffer of the kernel; `launch` computes params and grid from
   * the dims of a step. `constants` are values for the WGSL's override constants.
   */
  add<B extends string, P extends string>(
    kernel: Kernel<B, P>,
    buffers: Readonly<Record<B, View>>,
    launch: (dims: D) => Launch<P>,
    constants: Record<string, number> = {},
  ): void {
    if (this.uniforms) throw new Error(`${this.label} has run already; ${kernel.name} comes too late`);
    const views = (Object.keys(kernel.buffers) as B[]).map((name) => buffers[name]);
    this.bindings.push({ kernel, views, pipeline: this.gpu.pipeline(kernel, constants) });
    this.launches.push(launch);
  }

  get length(): number {
    return this.launches.length;
  }

  /** Bytes of its uniform buffer. */
  get bytes(): number {
    return Math.max(1, this.launches.length) * SLOT;
  }

  /** Creates bind groups and the uniform buffer. Called by the first `prepare`; call earlier to move the cost. */
  build(): void {
    if (this.uniforms) return;
    const { device } = this.gpu;
    const uniforms = device.createBuffer({
      label: `${this.label}/params`,
      size: this.bytes,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    this.uniforms = uniforms;
    this.mirror = new DataView(new ArrayBuffer(this.bytes));
    this.bindings.forEach(({ kernel, views, pipeline }, index) => {
      const entries: GPUBindGroupEntry[] = views.map((view, binding) => ({
        binding,
        // An empty array still binds one element (vec4 at most): every buffer has room for it.
        resource: { buffer: view.buffer, offset: view.offset, size: Math.max(view.bytes, 16) },
      }));
      entries.push({
        binding: entries.length,
        resource: { buffer: uniforms, offset: index * SLOT, size: paramsBytes(kernel) },
      });
      const bindGroup = device.createBindGroup({
        label: kernel.name,
        layout: pipeline.getBindGroupLayout(0),
        entries,
      });
      const launch = this.launches[index];
      if (launch) this.dispatches.push({ kernel, pipeline, bindGroup, launch });
    });
  }

  /** Computes params and grids for these dims and queues the upload: before `encode`, once a submit. */
  prepare(dims: D): void {
    this.build();
    this.grids = this.dispatches.map((dispatch, index) => {
      const { params, grid } = dispatch.launch(dims);
      writeParams(dispatch.kernel, params, this.mirror, index * SLOT);
      return grid;
    });
    if (this.uniforms) this.gpu.device.queue.writeBuffer(this.uniforms, 0, this.mirror.buffer);
  }

  /** Encodes every dispatch into an open pass, with the dims last prepared. May be encoded several times a submit. */
  encode(pass: GPUComputePassEncoder): void {
    this.dispatches.forEach(({ pipeline, bindGroup }, index) => {
      const [x, y = 1, z = 1] = this.grids[index] ?? [0];
      if (x === 0 || y === 0 || z === 0) return;
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(x, y, z);
    });
  }

  destroy(): void {
    this.uniforms?.destroy();
  }
}
