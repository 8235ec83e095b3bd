import type { View } from './arena';
import type { Gpu } from './device';

/**
 * Where work is submitted: one compute pass and one submit a phase, with results copied to a ring of mappable buffers in
 * the same submit. Sums GPU time by phase with timestamp queries where the adapter has them, else the wall clock of the
 * submits that were read back.
 */
export class Stream {
  /** Milliseconds spent by phase since the last `takeTimings`. */
  private timings: Record<string, number> = {};
  private readonly gpu: Gpu;
  private readonly free: GPUBuffer[] = [];
  private readonly all: GPUBuffer[] = [];
  private readonly timer: { querySet: GPUQuerySet; resolved: GPUBuffer } | undefined;
  private created = 0;

  constructor(gpu: Gpu) {
    this.gpu = gpu;
    if (gpu.device.features.has('timestamp-query')) {
      this.timer = {
        querySet: gpu.device.createQuerySet({ type: 'timestamp', count: 2 }),
        resolved: gpu.device.createBuffer({
          label: 'timestamps',
          size: 16,
          usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
        }),
      };
    }
  }

  /** Mappable buffers made so far: constant in steady state. */
  get readbackBuffers(): number {
    return this.created;
  }

  /** Queues an upload to the start of `view`. Data longer than the view is a bug and throws. */
  upload(view: View, data: Float32Array | Uint32Array | Int32Array): void {
    if (data.byteLength > view.bytes) {
      throw new Error(`upload of ${data.byteLength} bytes to a view of ${view.bytes}`);
    }
    if (data.byteLength === 0) return;
    this.gpu.device.queue.writeBuffer(view.buffer, view.offset, data as Float32Array<ArrayBuffer>);
  }

  /** Submits one pass without reading anything back. */
  submit(encode: (pass: GPUComputePassEncoder) => void): void {
    const encoder = this.gpu.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encode(pass);
    pass.end();
    this.gpu.device.queue.submit([encoder.finish()]);
  }

  /**
   * Submits one pass and resolves with the bytes of `views` as they are after it. The submit happens before the first
   * await, so callers may queue more work meanwhile. Errors: whatever the device met, typed.
   */
  async read(
    phase: string,
    encode: (pass: GPUComputePassEncoder) => void,
    views: readonly View[],
  ): Promise<ArrayBuffer[]> {
    const { device } = this.gpu;
    const encoder = device.createCommandEncoder({ label: phase });
    const pass = encoder.beginComputePass(
      this.timer
        ? {
            label: phase,
            timestampWrites: {
              querySet: this.timer.querySet,
              beginningOfPassWriteIndex: 0,
              endOfPassWriteIndex: 1,
            },
          }
        : { label: phase },
    );
    encode(pass);
    pass.end();

    const bytes = views.reduce((sum, view) => sum + view.bytes, 0);
    const staging = this.take(bytes + 16);
    let at = 0;
    for (const view of views) {
      if (view.bytes) encoder.copyBufferToBuffer(view.buffer, view.offset, staging, at, view.bytes);
      at += view.bytes;
    }
    if (this.timer) {
      encoder.resolveQuerySet(this.timer.querySet, 0, 2, this.timer.resolved, 0);
      encoder.copyBufferToBuffer(this.timer.resolved, 0, staging, at, 16);
    }
    const started = performance.now();
    device.queue.submit([encoder.finish()]);
    const mapped = staging.mapAsync(GPUMapMode.READ, 0, bytes + 16);
    // Firefox polls its queue every 100 ms unless something is submitted behind the map.
    device.queue.submit([]);
    await this.gpu.busy.until(Promise.race([mapped, this.gpu.lost.then((error) => Promise.reject(error))]));
    this.gpu.throwIfFailed();

    const copy = staging.getMappedRange(0, bytes + 16).slice(0);
    staging.unmap();
    this.free.push(staging);
    let milliseconds = performance.now() - started;
    if (this.timer) {
      const [begin = 0n, end = 0n] = new BigUint64Array(copy.slice(bytes, bytes + 16));
      if (end > begin) milliseconds = Number(end - begin) / 1e6;
    }
    this.timings[phase] = (this.timings[phase] ?? 0) + milliseconds;

    const results: ArrayBuffer[] = [];
    at = 0;
    for (const view of views) {
      results.push(copy.slice(at, at + view.bytes));
      at += view.bytes;
    }
    return results;
  }

  /** Reads views without running anything. */
  async readBack(views: readonly View[]): Promise<ArrayBuffer[]> {
    return this.read('readback', () => undefined, views);
  }

  /** Milliseconds by phase since the last call. */
  takeTimings(): Record<string, number> {
    const taken = this.timings;
    this.timings = {};
    return taken;
  }

  private take(bytes: number): GPUBuffer {
    const index = this.free.findIndex((buffer) => buffer.size >= bytes);
    if (index >= 0) return this.free.splice(index, 1)[0] as GPUBuffer;
    const buffer = this.gpu.device.createBuffer({
      label: 'readback',
      size: Math.max(4096, 2 ** Math.ceil(Math.log2(bytes))),
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    this.created += 1;
    this.all.push(buffer);
    return buffer;
  }

  destroy(): void {
    for (const buffer of this.all) buffer.destroy();
    this.timer?.querySet.destroy();
    this.timer?.resolved.destroy();
  }
}
