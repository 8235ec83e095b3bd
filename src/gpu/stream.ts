import type { LabError } from '../errors';
import type { View } from './arena';
import type { Gpu } from './device';

type Encode = (pass: GPUComputePassEncoder) => void;

/** Behind the bytes of a read lie its two timestamps. */
const TIMESTAMPS = 16;
/** Bytes that `readBack` reads at once where there is no ring. */
const PIECE = 2 ** 20;

/**
 * Where work is submitted: one compute pass and one submit a phase, with results copied to a ring of mappable buffers in
 * the same submit. Sums GPU time by phase with timestamp queries where the adapter has them, else the wall clock of the
 * submits that were read back.
 */
export class Stream {
  private readonly gpu: Gpu;
  private readonly ring: readonly number[];
  private readonly free: GPUBuffer[] = [];
  private readonly all: GPUBuffer[] = [];
  private timer: { querySet: GPUQuerySet; resolved: GPUBuffer } | undefined;
  /** Milliseconds spent by phase since the last `takeTimings`. */
  private timings: Record<string, number> = {};
  /** Work has been submitted since the last read: that read's time begins there. */
  private opened = false;
  private lastArrival = 0;
  /** Ends the wait of every read in flight when the device is lost. */
  private readonly waiting = new Set<(error: LabError) => void>();

  /**
   * `ring`: the largest number of bytes of each read that can be in flight at once. A read that finds no buffer free, or
   * none large enough, makes one more, which the steady state must not (a test counts).
   */
  constructor(gpu: Gpu, ring: readonly number[] = []) {
    this.gpu = gpu;
    this.ring = ring.map((bytes) => Math.ceil(bytes / 8) * 8 + TIMESTAMPS);
    void gpu.lost.then((error) => this.waiting.forEach((end) => end(error)));
  }

  /** Bytes of its buffers. */
  get bytes(): number {
    return this.ring.reduce((sum, bytes) => sum + bytes, this.timed ? TIMESTAMPS : 0);
  }

  /** Creates its buffers; the first submit does so where nobody did before. */
  allocate(): void {
    if (!this.all.length) this.free.push(...this.ring.map((bytes) => this.create(bytes)));
    if (this.timer || !this.timed) return;
    this.timer = {
      querySet: this.gpu.device.createQuerySet({ type: 'timestamp', count: 2 }),
      resolved: this.gpu.device.createBuffer({
        label: 'timestamps',
        size: TIMESTAMPS,
        usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
      }),
    };
  }

  /** Queues an upload to the start of `view`. Data longer than the view is a bug and throws. */
  upload(view: View, data: Float32Array | Uint32Array | Int32Array): void {
    if (data.byteLength > view.bytes) {
      throw new Error(`upload of ${data.byteLength} bytes to a view of ${view.bytes}`);
    }
    if (data.byteLength === 0) return;
    this.gpu.device.queue.writeBuffer(view.buffer, view.offset, data as Float32Array<ArrayBuffer>);
  }

  /** Submits one pass without reading anything back; its time counts to the next read's phase. */
  submit(encode: Encode): void {
    const encoder = this.gpu.device.createCommandEncoder();
    this.pass(encoder, encode, 'submit', false);
    this.gpu.device.queue.submit([encoder.finish()]);
  }

  /**
   * Submits one pass and resolves with the bytes of `views` as they are after it. The submit happens before the first
   * await, so callers may queue more work meanwhile. Errors: whatever the device met, typed.
   */
  async read(phase: string, encode: Encode, views: readonly View[]): Promise<ArrayBuffer[]> {
    const { device } = this.gpu;
    const encoder = device.createCommandEncoder({ label: phase });
    this.pass(encoder, encode, phase, true);
    const bytes = views.reduce((sum, view) => sum + view.bytes, 0);
    const end = Math.ceil(bytes / 8) * 8;
    const staging = this.take(end + TIMESTAMPS);
    let at = 0;
    for (const view of views) {
      if (view.bytes) encoder.copyBufferToBuffer(view.buffer, view.offset, staging, at, view.bytes);
      at += view.bytes;
    }
    if (this.timer) {
      encoder.resolveQuerySet(this.timer.querySet, 0, 2, this.timer.resolved, 0);
      encoder.copyBufferToBuffer(this.timer.resolved, 0, staging, end, TIMESTAMPS);
    }
    const started = performance.now();
    device.queue.submit([encoder.finish()]);
    const mapped = staging.mapAsync(GPUMapMode.READ, 0, end + TIMESTAMPS);
    // Firefox polls its queue every 100 ms unless something is submitted behind the map.
    device.queue.submit([]);
    await this.arrival(mapped);

    const copy = staging.getMappedRange(0, end + TIMESTAMPS).slice(0);
    staging.unmap();
    this.free.push(staging);
    this.count(phase, started, this.timer && new BigUint64Array(copy, end, 2));

    const results: ArrayBuffer[] = [];
    at = 0;
    for (const view of views) {
      results.push(copy.slice(at, at + view.bytes));
      at += view.bytes;
    }
    return results;
  }

  /** Reads a view, however large, without running anything: piece by piece through the ring's largest buffer. */
  async readBack(view: View): Promise<ArrayBuffer> {
    const piece = this.ring.length ? Math.max(...this.ring) - TIMESTAMPS : PIECE;
    const whole = new Uint8Array(view.bytes);
    for (let at = 0; at < view.bytes; at += piece) {
      const bytes = Math.min(piece, view.bytes - at);
      const source = { buffer: view.buffer, offset: view.offset + at, bytes };
      const [part] = await this.read('readback', () => undefined, [source]);
      whole.set(new Uint8Array(part ?? new ArrayBuffer(0)), at);
    }
    return whole.buffer;
  }

  /** Milliseconds by phase since the last call. */
  takeTimings(): Record<string, number> {
    const taken = this.timings;
    this.timings = {};
    return taken;
  }

  destroy(): void {
    for (const buffer of this.all) buffer.destroy();
    this.timer?.querySet.destroy();
    this.timer?.resolved.destroy();
  }

  private get timed(): boolean {
    return this.gpu.device.features.has('timestamp-query');
  }

  /** One pass; the first since the last read writes the beginning of a phase, a read's own writes its end. */
  private pass(encoder: GPUCommandEncoder, encode: Encode, label: string, closes: boolean): void {
    this.allocate();
    const opens = !this.opened;
    this.opened = !closes;
    const { timer } = this;
    const pass = encoder.beginComputePass({
      label,
      ...(timer &&
        (opens || closes) && {
          timestampWrites: {
            querySet: timer.querySet,
            ...(opens && { beginningOfPassWriteIndex: 0 }),
            ...(closes && { endOfPassWriteIndex: 1 }),
          },
        }),
    });
    encode(pass);
    pass.end();
  }

  /** Without timestamps the wall clock counts, from the submit or the arrival of the read before it. */
  private count(phase: string, started: number, stamps: BigUint64Array | undefined): void {
    const now = performance.now();
    const [begin = 0n, end = 0n] = stamps ?? [];
    const wall = now - Math.max(started, this.lastArrival);
    this.lastArrival = now;
    this.timings[phase] = (this.timings[phase] ?? 0) + (end > begin ? Number(end - begin) / 1e6 : wall);
  }

  private async arrival(mapped: Promise<undefined>): Promise<void> {
    let end: (error: LabError) => void = () => undefined;
    const lost = new Promise<never>((_, reject) => (end = reject));
    this.waiting.add(end);
    try {
      await this.gpu.busy.until(Promise.race([mapped, lost]));
    } catch (cause) {
      // A loss is announced a moment after it has ended the reads in flight.
      await new Promise((resolve) => setTimeout(resolve, 0));
      this.gpu.throwIfFailed();
      throw cause;
    } finally {
      this.waiting.delete(end);
    }
    this.gpu.throwIfFailed();
  }

  /** The smallest free buffer that holds `bytes`. */
  private take(bytes: number): GPUBuffer {
    const fitting = this.free.filter(({ size }) => size >= bytes);
    const least = fitting.reduce<GPUBuffer | undefined>((a, b) => (a && a.size <= b.size ? a : b), undefined);
    if (!least) return this.create(2 ** Math.ceil(Math.log2(Math.max(4096, bytes))));
    this.free.splice(this.free.indexOf(least), 1);
    return least;
  }

  private create(bytes: number): GPUBuffer {
    const buffer = this.gpu.device.createBuffer({
      label: 'readback',
      size: bytes,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    this.all.push(buffer);
    return buffer;
  }
}
