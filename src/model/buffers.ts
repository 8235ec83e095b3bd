import { Arena, type Tensor } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import type { SplitRule } from '../kernels/matmul_split';
import type { Storage } from '../kernels/quantize';
import { vocabularyStorage } from '../kernels/vocabulary';
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
import { AdapterParameters } from './lora';
import { AdapterRoom, AdapterSet } from './lora_set';
import { Parameters, type Gradients } from './parameters';
import type { LoraConfig } from './peft';
import type { Cuts } from './shards';

export interface BufferOptions {
  /** Gradients, moments and what the backward needs. */
  trainable: boolean;
  /** A frozen copy of the weights, for π_ref. */
  reference: boolean;
  /** Keep of each block only what its backward cannot cheaply compute again: less memory for more arithmetic. */
  checkpointing?: boolean;
  /** Adapters beside frozen weights: they and the value head are what is trained, and what a reference is a copy of. */
  lora?: LoraConfig | undefined;
  /** How the matrices of frozen weights are stored; f32 when left out, and where they are trained. */
  weights?: Storage;
}

/** What is trained, or its moments: a flat arena, matrices first, whose contents have names. */
export type Trained = Pick<Parameters, 'arena' | 'decayEnd' | 'source'>;

/** What training adds to a model's weights. */
export class TrainingBuffers {
  readonly gradients: Trained;
  /** The gradients as the backward adds to them. */
  readonly dweights: Gradients;
  /** Gradients of adapters. */
  readonly dadapters: AdapterSet | undefined;
  readonly m: Trained;
  readonly v: Trained;
  readonly activationGradients: ActivationGradients;
  readonly arena = new Arena('update', 'separate');
  readonly partials: Tensor;
  readonly norm: Tensor;

  constructor(
    config: ModelConfig,
    capacity: Capacity,
    { lora, weights }: Pick<BufferOptions, 'lora' | 'weights'>,
    cuts: Cuts,
    rule: SplitRule,
  ) {
    if (lora) {
      this.dadapters = new AdapterSet('gradients', config, lora, cuts.pieceBytes);
      this.gradients = this.dadapters.parameters;
      this.dweights = this.dadapters.gradients(config.num_hidden_layers);
      this.m = new AdapterParameters('first moment', config, lora, cuts.pieceBytes);
      this.v = new AdapterParameters('second moment', config, lora, cuts.pieceBytes);
    } else {
      const gradients = new Parameters('gradients', config, cuts);
      this.gradients = gradients;
      this.dweights = gradients;
      this.m = new Parameters('first moment', config, cuts);
      this.v = new Parameters('second moment', config, cuts);
    }
    const head = vocabularyStorage((lora && weights) ?? 'f32');
    this.activationGradients = new ActivationGradients(config, capacity, cuts, rule, head);
    this.partials = this.arena.tensor('partials', [this.gradients.arena.pieces.length, SUM_SQUARES_PARTIALS]);
    this.norm = this.arena.tensor('norm', [4]);
  }

  get gradientArenas(): readonly Arena[] {
    return this.dadapters?.arenas ?? [this.gradients.arena];
  }
}

/** Everything a policy keeps on the GPU: first a byte plan, then, by `allocate`, the buffers. */
export class Buffers {
  /** The model's own weights: trained, or frozen beneath adapters. */
  readonly base: Parameters;
  readonly adapters: AdapterSet | undefined;
  /** What the policy computes with: `base`, with adapters beside it where there are any. */
  readonly weights: Parameters;
  /** What is trained. */
  readonly trained: Trained;
  /** What π_ref computes with. Beneath adapters it shares `base`. */
  readonly reference: Parameters | undefined;
  /** What a reference is a copy of, and the copy. */
  private readonly frozen: readonly (readonly [from: Arena, to: Arena])[];
  readonly inputs: BatchInputs;
  readonly activations: Activations;
  readonly head: HeadActivations;
  readonly training: TrainingBuffers | undefined;
  readonly generation: GenerationState | undefined;
  private readonly room: AdapterRoom | undefined;

  /** `cuts`: into what the GPU can bind of the weights. `rule`: when gradients are split over k. */
  constructor(config: ModelConfig, capacity: Capacity, options: BufferOptions, cuts: Cuts, rule: SplitRule) {
    const { lora } = options;
    const isFrozen = lora !== undefined || !options.trainable;
    this.base = new Parameters('weights', config, cuts, isFrozen ? options.weights : 'f32');
    if (lora) {
      const set = (label: string): AdapterSet => new AdapterSet(label, config, lora, cuts.pieceBytes);
      const adapters = set('adapter');
      const room = new AdapterRoom(adapters, capacity);
      const copy = options.reference ? set('reference adapter') : undefined;
      this.adapters = adapters;
      this.room = room;
      this.weights = adapters.beside(this.base, room);
      this.trained = adapters.parameters;
      this.reference = copy?.beside(this.base, room);
      this.frozen = copy ? pairs(adapters.arenas, copy.arenas) : [];
    } else {
      this.weights = this.base;
      this.trained = this.base;
      this.reference = options.reference ? new Parameters('reference weights', config, cuts) : undefined;
      this.frozen = this.reference ? [[this.base.arena, this.reference.arena]] : [];
    }
    this.inputs = new BatchInputs(config, capacity);
    const keep = options.checkpointing ? 'checkpoints' : 'everything';
    this.activations = new Activations(config, capacity, options.trainable ? keep : 'nothing');
    this.head = new HeadActivations(config, capacity);
    this.training = options.trainable
      ? new TrainingBuffers(config, capacity, options, cuts, rule)
      : undefined;
    this.generation = capacity.slots ? new GenerationState(config, capacity) : undefined;
  }

  /** Exact bytes by purpose. */
  get bytes(): Record<string, number> {
    return Object.fromEntries(
      Object.entries(this.purposes()).map(([purpose, arenas]) => [
        purpose,
        arenas.reduce((sum, arena) => sum + (arena?.bytes ?? 0), 0),
      ]),
    );
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

  /** Queues the copy of what is trained, as it is, into the reference. */
  freeze({ device }: Gpu): void {
    const encoder = device.createCommandEncoder();
    for (const [from, to] of this.frozen) {
      from.pieces.forEach(({ buffer, bytes }, i) => {
        const copy = to.pieces[i];
        if (copy) encoder.copyBufferToBuffer(buffer, 0, copy.buffer, 0, bytes);
      });
    }
    device.queue.submit([encoder.finish()]);
  }

  destroy(): void {
    for (const arena of this.arenas()) arena.destroy();
  }

  private arenas(): Arena[] {
    return Object.values(this.purposes())
      .flat()
      .filter((arena) => arena !== undefined);
  }

  private purposes(): Record<string, readonly (Arena | undefined)[]> {
    const { training } = this;
    return {
      weights: [this.base.arena],
      adapter: this.adapters?.arenas ?? [],
      'reference weights': this.frozen.map(([, copy]) => copy),
      gradients: training?.gradientArenas ?? [],
      moments: [training?.m.arena, training?.v.arena, training?.arena],
      activations: [
        this.activations.arena,
        training?.activationGradients.arena,
        this.room?.arena,
        this.head.arena,
        this.inputs.arena,
      ],
      'KV cache': [this.generation?.arena],
    };
  }
}

const pairs = (from: readonly Arena[], to: readonly Arena[]): (readonly [Arena, Arena])[] =>
  from.flatMap((arena, i) => (to[i] ? [[arena, to[i]] as const] : []));
