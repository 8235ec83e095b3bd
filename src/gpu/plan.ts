import type { View } from './arena';
import type { Gpu } from './device';
import { paramsBytes, writeParams, type Grid, type Kernel } from './kernel';

/** What one dispatch needs of a step: the values of its params and how many workgroups. */
export interface Launch<P extends string> {
  params: Readonly<Record<P, number>>;
  grid: Grid;
}

/** One dispatch as it was recorded; pipeline and bind group come when it first runs. */
interface Dispatch<D> {
  kernel: Kernel;
  views: readonly View[];
  constants: Record<string, number>;
  launch: (dims: D) => Launch<string>;
  grid: Grid;
  built?: { pipeline: GPUComputePipeline; bindGroup: GPUBindGroup };
}

const SLOT = 256;

/**
 * A recorded list of dispatches: made once (pipelines, bind groups, one uniform buffer), run many times with other
 * dims, so that a training step in steady state creates no GPU object. Recording itself creates nothing, so that a plan's
 * bytes are known before anything is allocated. `D` is the type of the dims of a step.
 */
export class Plan<D> {
  readonly label: string;
  readonly gpu: Gpu;
  private readonly dispatches: Dispatch<D>[] = [];
  private uniforms: GPUBuffer | undefined;
  private mirror = new DataView(new ArrayBuffer(0));

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
    if (this.uniforms) throw new Error(`${this.label} is allocated already; ${kernel.name} comes too late`);
    const views = (Object.keys(kernel.buffers) as B[]).map((name) => buffers[name]);
    this.dispatches.push({ kernel, views, constants, launch, grid: [0] });
  }

  /** Dispatches recorded. */
  get length(): number {
    return this.dispatches.length;
  }

  /** Bytes of its uniform buffer. */
  get bytes(): number {
    return Math.max(1, this.dispatches.length) * SLOT;
  }

  /** Creates the uniform buffer: all the memory the plan takes. */
  allocate(): void {
    if (this.uniforms) return;
    this.uniforms = this.gpu.device.createBuffer({
      label: `${this.label}/params`,
      size: this.bytes,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    this.mirror = new DataView(new ArrayBuffer(this.bytes));
  }

  /** Pipeline and bind group of a dispatch: when it first runs, so that what never runs is never compiled. */
  private bind(dispatch: Dispatch<D>, uniforms: GPUBuffer, index: number): void {
    if (dispatch.built) return;
    const { kernel, views, constants } = dispatch;
    const pipeline = this.gpu.pipeline(kernel, constants);
    const entries: GPUBindGroupEntry[] = views.map((view, binding) => ({
      binding,
      // An empty array still binds one element (vec4 at most): every buffer has room for it.
      resource: { buffer: view.buffer, offset: view.offset, size: Math.max(view.bytes, 16) },
    }));
    entries.push({
      binding: entries.length,
      resource: { buffer: uniforms, offset: index * SLOT, size: paramsBytes(kernel) },
    });
    const layout = pipeline.getBindGroupLayout(0);
    const bindGroup = this.gpu.device.createBindGroup({ label: kernel.name, layout, entries });
    dispatch.built = { pipeline, bindGroup };
  }

  /** Computes params and grids for these dims and queues the upload: before `encode`, once a submit. */
  prepare(dims: D): void {
    this.allocate();
    const { uniforms } = this;
    if (!uniforms) return;
    this.dispatches.forEach((dispatch, index) => {
      const { params, grid } = dispatch.launch(dims);
      writeParams(dispatch.kernel, params, this.mirror, index * SLOT);
      dispatch.grid = grid;
      if (!grid.includes(0)) this.bind(dispatch, uniforms, index);
    });
    this.gpu.device.queue.writeBuffer(uniforms, 0, this.mirror.buffer);
  }

  /** Encodes every dispatch into an open pass, with the dims last prepared. May be encoded several times a submit. */
  encode(pass: GPUComputePassEncoder): void {
    for (const { built, grid } of this.dispatches) {
      const [x, y = 1, z = 1] = grid;
      if (!built || x === 0 || y === 0 || z === 0) continue;
      pass.setPipeline(built.pipeline);
      pass.setBindGroup(0, built.bindGroup);
      pass.dispatchWorkgroups(x, y, z);
    }
  }

  destroy(): void {
    this.uniforms?.destroy();
  }
}
