import { familyOf } from './families';
import type { ModelConfig } from './config';
import { AdapterParameters } from './lora';
import { loraNames, loraScale, type Adapter } from './peft';
import { PROJECTIONS, projectionsOf } from './projections';
import { missingTensor, rowLength, type NamedTensor, type TensorSource } from './tensor_source';

type LoraAdapter = Pick<Adapter, 'config' | 'tensors'>;

/** A matrix that is added: left (rows,r) · right (r,columns), in the orientation of the stored weight. */
interface Update {
  left: Float32Array;
  right: Float32Array;
}

/**
 * A model's weights with an adapter merged into them, W + scale · B A, each row when it is read; summed in f64 and rounded
 * once. `direction` −1 takes it out again, but for that rounding. Errors: `bad_input` when the adapter is another model's.
 */
export function mergedSource(
  weights: TensorSource,
  adapter: LoraAdapter,
  model: ModelConfig,
  direction: 1 | -1 = 1,
): TensorSource {
  checkAdapter(adapter, model);
  const updates = updatesOf(adapter, model, direction);
  const { base } = familyOf(model).tensors;
  return {
    ...weights,
    read: async (name, row = 0, rows) => {
      const data = await weights.read(name, row, rows);
      // Files saved without the head leave its prefix out.
      const update = updates.get(name) ?? updates.get(base + name);
      return update ? add(data, rowLength(weights.shape(name) ?? []), row, update) : data;
    },
  };
}

/** Errors: `bad_input` naming the module or tensor by which an adapter is not this model's. */
export function checkAdapter({ config, tensors }: LoraAdapter, model: ModelConfig): void {
  new AdapterParameters('adapter', model, config).check(tensors);
}

/** The updates by the name of the stored weight. */
function updatesOf(
  { config, tensors }: LoraAdapter,
  model: ModelConfig,
  direction: number,
): Map<string, Update> {
  const adapted = new Set(config.modules);
  const updates = new Map<string, Update>();
  for (let l = 0; l < model.num_hidden_layers; l++) {
    const projections = projectionsOf(model, l);
    for (const { modules, arrangement } of PROJECTIONS.map((name) => projections[name])) {
      for (const { name } of modules.filter((module) => adapted.has(module.name))) {
        const [a, b] = [tensorOf(tensors, loraNames(name).a), tensorOf(tensors, loraNames(name).b)];
        const scaled = { ...b, data: b.data.map((value) => direction * loraScale(config) * value) };
        const update =
          arrangement === 'transposed'
            ? { left: transpose(a), right: transpose(scaled) }
            : { left: scaled.data, right: a.data };
        updates.set(`${name}.weight`, update);
      }
    }
  }
  return updates;
}

/** `data`, rows of `columns` from `row` on, plus its rows of the update; `data` stays as it is. */
function add(data: Float32Array, columns: number, row: number, { left, right }: Update): Float32Array {
  const r = right.length / columns;
  const merged = new Float32Array(data.length);
  const sum = new Float64Array(columns);
  for (let i = 0; i * columns < data.length; i++) {
    sum.set(data.subarray(i * columns, (i + 1) * columns));
    for (let j = 0; j < r; j++) {
      const factor = left[(row + i) * r + j] ?? 0;
      for (let c = 0; c < columns; c++) sum[c] = (sum[c] ?? 0) + factor * (right[j * columns + c] ?? 0);
    }
    merged.set(sum, i * columns);
  }
  return merged;
}

function transpose({ shape: [rows = 0, columns = 0], data }: NamedTensor): Float32Array {
  return Float32Array.from(
    { length: data.length },
    (_, i) => data[(i % rows) * columns + Math.floor(i / rows)] ?? 0,
  );
}

function tensorOf(tensors: ReadonlyMap<string, NamedTensor>, name: string): NamedTensor {
  const tensor = tensors.get(name);
  if (!tensor) throw missingTensor('The adapter', name);
  return tensor;
}
