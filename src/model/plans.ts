import type { Gpu } from '../gpu/device';
import { Plan } from '../gpu/plan';
import { objectives, type Objective } from '../kernels/objectives';
import type { Capacity } from './activations';
import type { Buffers, TrainingBuffers } from './buffers';
import type { ModelConfig } from './config';
import { packedAttention, rotate } from './layers/attention';
import { Heads } from './layers/head';
import type { BatchDims, Recorder } from './layers/recorder';
import { recordUpdate, type UpdateDims } from './optimizer';
import type { Parameters } from './parameters';
import { transformerBackward, transformerForward } from './transformer';

/**
 * Every recorded plan of a policy but those of generation: scoring by each set of weights, a training micro-batch by each
 * objective, the update. Recorded at once, so that their bytes are known before anything is allocated.
 */
export class Plans {
  readonly score = new Map<Parameters, Plan<BatchDims>>();
  readonly train = new Map<Objective, Plan<BatchDims>>();
  readonly update: Plan<UpdateDims> | undefined;
  /** Of adapters: what the backward added up becomes the gradients that the update reads. */
  readonly collect: Plan<null> | undefined;
  /** Of adapters: what products read, after an update or a load. */
  readonly expand: Plan<null> | undefined;

  constructor(
    private readonly gpu: Gpu,
    private readonly config: ModelConfig,
    private readonly capacity: Capacity,
    private readonly buffers: Buffers,
  ) {
    const { base, weights, trained, reference, training, adapters } = buffers;
    this.score.set(weights, this.recordScore(weights));
    // A reference may be the copy, or, beneath adapters that change nothing yet, the model without them.
    if (reference) this.score.set(reference, this.recordScore(reference));
    if (reference && adapters) this.score.set(base, this.recordScore(base));
    if (adapters) adapters.recordExpand((this.expand = new Plan(gpu, 'expand adapters')));
    if (!training) return;
    for (const objective of objectives) this.train.set(objective, this.recordTrain(objective, training));
    this.update = new Plan(gpu, 'update');
    recordUpdate(this.update, trained, training);
    training.dadapters?.recordExpandBackward((this.collect = new Plan(gpu, 'collect gradients')));
  }

  /** Bytes of their uniforms. */
  get bytes(): number {
    return this.all().reduce((sum, plan) => sum + plan.bytes, 0);
  }

  allocate(): void {
    for (const plan of this.all()) plan.allocate();
  }

  destroy(): void {
    for (const plan of this.all()) plan.destroy();
  }

  /** Records tokens → hidden states of the last layer, `activations.hidden` (N,C). */
  forward(plan: Plan<BatchDims>, weights: Parameters): { recorder: Recorder; heads: Heads } {
    const { activations, inputs, head } = this.buffers;
    const recorder: Recorder = {
      gpu: this.gpu,
      plan,
      config: this.config,
      partials: this.buffers.training?.activationGradients.partials,
    };
    const { tokens, positions } = inputs;
    transformerForward(recorder, weights, activations, tokens, positions, (layer, l) => {
      rotate(recorder, layer.qkv, l, inputs, 1);
      packedAttention(recorder, layer, l, inputs.tiles);
    });
    return { recorder, heads: new Heads(recorder, weights, head, inputs, this.capacity) };
  }

  private recordScore(weights: Parameters): Plan<BatchDims> {
    const plan = new Plan<BatchDims>(this.gpu, 'score');
    const { heads } = this.forward(plan, weights);
    // Nobody asks a reference for values.
    heads.score(this.buffers.activations.hidden, weights === this.buffers.weights);
    return plan;
  }

  private recordTrain(objective: Objective, training: TrainingBuffers): Plan<BatchDims> {
    const plan = new Plan<BatchDims>(this.gpu, `train ${objective.kernel.name}`);
    const { dweights, activationGradients } = training;
    const { activations, weights, inputs } = this.buffers;
    const { recorder, heads } = this.forward(plan, weights);
    heads.train(activations.hidden, objective, dweights, activationGradients.normed);
    transformerBackward(recorder, weights, dweights, activations, activationGradients, inputs);
    return plan;
  }

  private all(): Pick<Plan<unknown>, 'bytes' | 'allocate' | 'destroy'>[] {
    const few = [this.update, this.collect, this.expand].filter((plan) => plan !== undefined);
    return [...this.score.values(), ...this.train.values(), ...few];
  }
}
