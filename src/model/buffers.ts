import { Arena, type Tensor } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import type { SplitRule } from '../kernels/matmul_split';
import { SUM_SQUARES_PARTIALS } from '../kernels/reduce';
import {
  ActivationGradients,
  Activations,
  BatchInputs,
  GenerationState,
  HeadActivations,
  type Capacity,
} from './activations';
import type { ModelConfig } from './config';
import { Parameters } from './parameters';
import type { Cuts } from './shards';

export interface BufferOptions {
  /** Gradients, moments and what the backward needs. */
  trainable: boolean;
  /** A frozen copy of the weights, for π_ref. */
  reference: boolean;
  /** Keep of each block only what its backward cannot cheaply compute again: less memory for more arithmetic. */
  checkpointing?: boolean;
}

/** What training adds to a model's weights. */
export class TrainingBuffers {
  readonly gradients: Parameters;
  readonly m: Parameters;
  readonly v: Parameters;
  readonly activationGradients: ActivationGradients;
  readonly arena = new Arena('update', 'separate');
  readonly partials: Tensor;
  readonly norm: Tensor;

  constructor(config: ModelConfig, capacity: Capacity, cuts: Cuts, rule: SplitRule) {
    this.gradients = new Parameters('gradients', config, cuts);
    this.m = new Parameters('first moment', config, cuts);
    this.v = new Parameters('second moment', config, cuts);
    this.activationGradients = new ActivationGradients(config, capacity, cuts, rule);
    this.partials = this.arena.tensor('partials', [this.gradients.arena.pieces.length, SUM_SQUARES_PARTIALS]);
    this.norm = this.arena.tensor('norm', [4]);
  }
}

/** Everything a policy keeps on the GPU: first a byte plan, then, by `allocate`, the buffers. */
export class Buffers {
  readonly weights: Parameters;
  readonly reference: Parameters | undefined;
  readonly inputs: BatchInputs;
  readonly activations: Activations;
  readonly head: HeadActivations;
  readonly training: TrainingBuffers | undefined;
  readonly generation: GenerationState | undefined;

  /** `cuts`: into what the GPU can bind of the weights. `rule`: when gradients are split over k. */
  constructor(config: ModelConfig, capacity: Capacity, options: BufferOptions, cuts: Cuts, rule: SplitRule) {
    this.weights = new Parameters('weights', config, cuts);
    this.reference = options.reference ? new Parameters('reference weights', config, cuts) : undefined;
    this.inputs = new BatchInputs(config, capacity);
    const keep = options.checkpointing ? 'checkpoints' : 'everything';
    this.activations = new Activations(config, capacity, options.trainable ? keep : 'nothing');
    this.head = new HeadActivations(config, capacity);
    this.training = options.trainable ? new TrainingBuffers(config, capacity, cuts, rule) : undefined;
    this.generation = capacity.slots ? new GenerationState(config, capacity) : undefined;
  }

  /** Exact bytes by purpose. */
  get bytes(): Record<string, number> {
    const { training } = this;
    return {
      weights: this.weights.arena.bytes,
      'reference weights': this.reference?.arena.bytes ?? 0,
      gradients: training?.gradients.arena.bytes ?? 0,
      moments: (training?.m.arena.bytes ?? 0) + (training?.v.arena.bytes ?? 0) + (training?.arena.bytes ?? 0),
      activations:
        this.activations.arena.bytes +
        (training?.activationGradients.arena.bytes ?? 0) +
        this.head.arena.bytes +
        this.inputs.arena.bytes,
      'KV cache': this.generation?.arena.bytes ?? 0,
    };
  }

  /** Bytes of the largest single buffer. */
  get largest(): number {
    return Math.max(...this.arenas().map((arena) => arena.largest));
  }

  /** Creates every buffer. Errors: `out_of_memory` with the numbers. */
  allocate(gpu: Gpu): this {
    for (const arena of this.arenas()) arena.allocate(gpu);
    return this;
  }

  destroy(): void {
    for (const arena of this.arenas()) arena.destroy();
  }

  private arenas(): Arena[] {
    const { training } = this;
    return [
      this.weights.arena,
      this.reference?.arena,
      this.inputs.arena,
      this.activations.arena,
      this.head.arena,
      training?.gradients.arena,
      training?.m.arena,
      training?.v.arena,
      training?.activationGradients.arena,
      training?.arena,
      this.generation?.arena,
    ].filter((arena) => arena !== undefined);
  }
}
