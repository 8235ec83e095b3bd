import type { Gpu } from '../gpu/device';
import { Stream } from '../gpu/stream';
import { splitRule } from '../kernels/matmul_split';
import type { Capacity } from './activations';
import { Buffers, type BufferOptions } from './buffers';
import type { ModelConfig } from './config';
import { Generator } from './generate';
import { Plans } from './plans';
import { cutsOf } from './shards';

/** Bytes in which weights are read back, piece by piece. */
const PIECE = 2 ** 20;
/** Micro-batches scored at once by each set of weights: the queue has the next while one is read. */
export const SCORES_IN_FLIGHT = 2;

/**
 * Everything a policy takes on the GPU: first laid out and recorded, which creates nothing and says the exact bytes, then
 * allocated, once.
 */
export class Resources {
  readonly buffers: Buffers;
  readonly plans: Plans;
  readonly stream: Stream;
  readonly generator: Generator | undefined;

  constructor(gpu: Gpu, config: ModelConfig, capacity: Capacity, options: BufferOptions) {
    this.buffers = new Buffers(config, capacity, options, cutsOf(gpu, config), splitRule(gpu));
    this.plans = new Plans(gpu, config, capacity, this.buffers);
    const { head, generation } = this.buffers;
    const score = head.logp.bytes + head.entropy.bytes + head.value.bytes;
    const scores = new Array<number>(SCORES_IN_FLIGHT * (this.buffers.reference ? 2 : 1)).fill(score);
    this.stream = new Stream(gpu, [...scores, ...(generation?.readback ?? []), PIECE]);
    this.generator = generation
      ? new Generator(gpu, config, capacity, this.stream, this.buffers, generation)
      : undefined;
  }

  /** Exact bytes by purpose: what `allocate` creates, and all that is ever created. */
  get bytes(): Record<string, number> {
    return {
      ...this.buffers.bytes,
      uniforms: this.plans.bytes + (this.generator?.bytes ?? 0),
      readback: this.stream.bytes,
    };
  }

  get totalBytes(): number {
    return Object.values(this.bytes).reduce((sum, part) => sum + part, 0);
  }

  /** Creates every buffer. Errors: `out_of_memory` with the numbers. */
  allocate(gpu: Gpu): void {
    this.buffers.allocate(gpu);
    this.plans.allocate();
    this.generator?.allocate();
    this.stream.allocate();
  }

  destroy(): void {
    this.plans.destroy();
    this.generator?.destroy();
    this.stream.destroy();
    this.buffers.destroy();
  }
}
