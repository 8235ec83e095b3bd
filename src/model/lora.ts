import { LabError } from '../errors';
import { Arena, part, type Tensor, type View } from '../gpu/arena';
import type { LoraBlock } from '../kernels/lora';
import { arrange, restore, type Arrangement } from './arrangement';
import type { ModelConfig } from './config';
import { VALUE_HEAD_BIAS, VALUE_HEAD_WEIGHT } from './parameters';
import type { Placed } from './slice';
import { loraNames, loraScale, type LoraConfig } from './peft';
import { PROJECTIONS, projectionsOf, type ProjectionName } from './projections';
import { missingTensor, rowLength, type NamedTensor, type TensorSource } from './tensor_source';

/** The adapter of one projection: of the modules that are fused into it, those that are adapted. */
export interface AdaptedProjection {
  layer: number;
  name: ProjectionName;
  /** (R,inp): the A of each module below each other. */
  a: Tensor;
  /** Each module's B (rows,r), and where it lies in the (out,width) that products read. */
  modules: readonly { b: Tensor; block: LoraBlock }[];
  out: number;
  /** R rounded up to 4. */
  width: number;
}

/** A tensor of PEFT's as a range of one of ours. */
interface Slice {
  tensor: Tensor;
  /** Floats into it. */
  at: number;
  shape: number[];
  arrangement: Arrangement;
}

/** Names of a model's modules that can be adapted: every linear layer of its blocks. */
export function adaptableModules(config: ModelConfig): string[] {
  return Array.from({ length: config.num_hidden_layers }, (_, l) => projectionsOf(config, l)).flatMap(
    (projections) => PROJECTIONS.flatMap((name) => projections[name].modules.map((module) => module.name)),
  );
}

/**
 * What is trained beside frozen weights: A and B of every adapted module and the value head, in one flat arena, matrices
 * first. Adapters, gradients and both AdamW moments are arenas of this one layout.
 */
export class AdapterParameters {
  readonly arena: Arena;
  readonly projections: readonly AdaptedProjection[];
  readonly valueWeight: Tensor;
  readonly valueBias: Tensor;
  /** Elements of the arena before this one take weight decay. */
  readonly decayEnd: number;
  private readonly headDim: number;
  private readonly slices = new Map<string, Slice>();

  /** Errors: `bad_input` when a module of `lora` is not the model's. */
  constructor(label: string, config: ModelConfig, lora: LoraConfig, pieceBytes = Infinity) {
    this.arena = new Arena(label, 'flat', pieceBytes);
    this.headDim = config.head_dim;
    const wanted = new Set(lora.modules);
    this.projections = Array.from({ length: config.num_hidden_layers }, (_, layer) =>
      PROJECTIONS.flatMap((name) => this.adapt(config, lora, layer, name, wanted)),
    ).flat();
    const [unknown] = wanted;
    if (unknown !== undefined) {
      throw new LabError(
        'bad_input',
        `The adapter is for a module ${unknown}, which this model does not have. Choose the model it was trained on.`,
      );
    }
    const C = config.hidden_size;
    this.valueWeight = this.arena.tensor(VALUE_HEAD_WEIGHT, [1, C]);
    this.slice(VALUE_HEAD_WEIGHT, this.valueWeight, 0, [1, C]);
    this.decayEnd = this.arena.bytes / 4;
    this.valueBias = this.arena.tensor(VALUE_HEAD_BIAS, [1]);
    this.slice(VALUE_HEAD_BIAS, this.valueBias, 0, [1]);
  }

  /** Names and shapes of the adapter's own tensors, in PEFT's terms. */
  get shapes(): ReadonlyMap<string, readonly number[]> {
    const own = [...this.slices].filter(([name]) => !isValueHead(name));
    return new Map(own.map(([name, { shape }]) => [name, shape]));
  }

  /**
   * Errors: `bad_input` naming the first tensor that is missing or has another shape than the model's module. Value-head
   * tensors may be left out.
   */
  check(tensors: ReadonlyMap<string, NamedTensor>): void {
    for (const [name, { shape }] of this.slices) {
      const given = tensors.get(name);
      if (given ? given.shape.join() === shape.join() : isValueHead(name)) continue;
      const is = given ? `has shape [${given.shape.join(', ')}]` : 'is missing';
      throw new LabError(
        'bad_input',
        `The adapter’s tensor ${name} ${is}; this model needs [${shape.join(', ')}]. Choose the model it was trained on.`,
      );
    }
  }

  /** Where in this arena named tensors go; zeros for a value head left out. Errors: as `check`. */
  place(tensors: ReadonlyMap<string, NamedTensor>): Placed[] {
    this.check(tensors);
    return [...this.slices].map(([name, slice]) => {
      const view = viewOf(slice);
      const given = tensors.get(name);
      if (!given) return { view, data: new Float32Array(view.bytes / 4) };
      return { view, data: arrange(given.data, slice.arrangement, slice.shape, this.headDim) };
    });
  }

  /** The arena's contents by PEFT's names, value head included, read by `readBack` when they are wanted. */
  source(readBack: (view: View) => Promise<ArrayBuffer>): TensorSource {
    const { slices, headDim } = this;
    return {
      label: 'the adapter',
      names: [...slices.keys()],
      shape: (name) => slices.get(name)?.shape,
      read: async (name, row = 0, rows) => {
        const slice = slices.get(name);
        if (!slice) throw missingTensor('The adapter', name);
        const { shape, arrangement } = slice;
        const data = restore(new Float32Array(await readBack(viewOf(slice))), arrangement, shape, headDim);
        const length = rowLength(shape);
        return rows === undefined && row === 0
          ? data
          : data.subarray(row * length, (row + (rows ?? 0)) * length);
      },
    };
  }

  /** Declares the adapter of one projection, if any of its modules is wanted; takes those from `wanted`. */
  private adapt(
    config: ModelConfig,
    lora: LoraConfig,
    layer: number,
    name: ProjectionName,
    wanted: Set<string>,
  ): AdaptedProjection[] {
    const { modules, out, inp, arrangement } = projectionsOf(config, layer)[name];
    const adapted = modules.filter((module) => wanted.has(module.name));
    if (!adapted.length) return [];
    const r = lora.rank;
    const width = Math.ceil((adapted.length * r) / 4) * 4;
    const a = this.arena.tensor(`${layer}.${name}.a`, [adapted.length * r, inp]);
    const declared: { b: Tensor; block: LoraBlock }[] = [];
    let row0 = 0;
    for (const { name: module, rows } of modules) {
      if (wanted.delete(module)) {
        const names = loraNames(module);
        const start = declared.length * r;
        const b = this.arena.tensor(`${layer}.${module}.b`, [rows, r]);
        this.slice(names.a, a, start * inp, [r, inp]);
        // A linear layer's B is (out, r) however its weight is stored; its rows are as those of the weight.
        this.slice(names.b, b, 0, [rows, r], arrangement === 'heads' ? 'heads' : 'same');
        declared.push({ b, block: { rows, r, width, row0, start, scale: loraScale(lora) } });
      }
      row0 += rows;
    }
    return [{ layer, name, a, modules: declared, out, width }];
  }

  private slice(
    name: string,
    tensor: Tensor,
    at: number,
    shape: number[],
    arrangement: Arrangement = 'same',
  ): void {
    this.slices.set(name, { tensor, at, shape, arrangement });
  }
}

/** Whether an adapter changes nothing: every B is zero. */
export const isOff = (tensors: ReadonlyMap<string, NamedTensor>): boolean =>
  [...tensors].every(([name, { data }]) => !name.endsWith('.lora_B.weight') || data.every((x) => x === 0));

const isValueHead = (name: string): boolean => name === VALUE_HEAD_WEIGHT || name === VALUE_HEAD_BIAS;

function viewOf({ tensor, at, shape }: Slice): View {
  return part(tensor, 4 * at, 4 * shape.reduce((product, dim) => product * dim, 1));
}
