import { Arena, type Tensor } from '../gpu/arena';
import type { Plan } from '../gpu/plan';
import { loraExpand, loraExpandBackward, loraExpandLaunch } from '../kernels/lora';
import type { Capacity } from './activations';
import type { ModelConfig } from './config';
import type { AdapterGradient, LinearAdapter } from './layers/adapter';
import { AdapterParameters } from './lora';
import type { Gradients, LayerGradients, Parameters } from './parameters';
import type { LoraConfig } from './peft';

/** Adapters, or their gradients, as they are kept (`parameters`) and as products read or write them: B expanded. */
export class AdapterSet {
  readonly parameters: AdapterParameters;
  readonly expanded: Arena;
  /** (out,width) of each adapted projection. */
  private readonly b: readonly Tensor[];

  constructor(label: string, config: ModelConfig, lora: LoraConfig, pieceBytes: number) {
    this.parameters = new AdapterParameters(label, config, lora, pieceBytes);
    const expanded = new Arena(`${label}, expanded`, 'flat', pieceBytes);
    this.expanded = expanded;
    this.b = this.parameters.projections.map(({ layer, name, out, width }) =>
      expanded.tensor(`${layer}.${name}.b`, [out, width]),
    );
  }

  get arenas(): readonly Arena[] {
    return [this.parameters.arena, this.expanded];
  }

  /** `base` with these adapters beside its projections, and the value head that is trained with them. */
  beside(base: Parameters, room: AdapterRoom): Parameters {
    const layers = base.layers.map((layer) => ({ ...layer }));
    this.each((l, name, own) => {
      const layer = layers[l];
      if (layer) layer[name] = { ...layer[name], adapter: { ...own, down: room.down, ddown: room.ddown } };
    });
    const { valueWeight, valueBias } = this.parameters;
    return Object.assign(Object.create(base) as Parameters, { layers, valueWeight, valueBias });
  }

  /** These as what a backward adds to; all else is frozen. */
  gradients(layerCount: number): Gradients {
    const layers = Array.from({ length: layerCount }, (): LayerGradients => ({}));
    this.each((l, name, adapter) => {
      layers[l] = { ...layers[l], [name]: { adapter } };
    });
    const { valueWeight, valueBias } = this.parameters;
    return { layers, valueWeight, valueBias };
  }

  /** Records how B becomes what products read: after it changed. */
  recordExpand<D>(plan: Plan<D>): void {
    this.eachModule((inp, out, launch) => plan.add(loraExpand, { inp, out }, () => launch));
  }

  /** Records how what products added up becomes the gradient of B, and zero. */
  recordExpandBackward<D>(plan: Plan<D>): void {
    this.eachModule((dinp, dout, launch) => plan.add(loraExpandBackward, { dout, dinp }, () => launch));
  }

  private each(
    visit: (
      layer: number,
      name: AdapterParameters['projections'][number]['name'],
      own: AdapterGradient,
    ) => void,
  ): void {
    this.parameters.projections.forEach(({ layer, name, a }, i) => {
      const b = this.b[i];
      if (b) visit(layer, name, { a, b });
    });
  }

  private eachModule(
    visit: (module: Tensor, expanded: Tensor, launch: ReturnType<typeof loraExpandLaunch>) => void,
  ): void {
    this.parameters.projections.forEach(({ modules }, i) => {
      const expanded = this.b[i];
      if (!expanded) return;
      for (const { b, block } of modules) visit(b, expanded, loraExpandLaunch(block));
    });
  }
}

/** Room for x Aᵀ and its gradient, of one projection at a time. */
export class AdapterRoom implements Pick<LinearAdapter, 'down' | 'ddown'> {
  readonly arena = new Arena('adapter', 'separate');
  readonly down: Tensor;
  readonly ddown: Tensor;

  constructor({ parameters }: AdapterSet, { tokens: N }: Capacity) {
    const width = Math.max(0, ...parameters.projections.map((projection) => projection.width));
    this.down = this.arena.tensor('down', [N, width]);
    this.ddown = this.arena.tensor('ddown', [N, width]);
  }
}
