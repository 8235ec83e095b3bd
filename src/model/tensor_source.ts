import { LabError } from '../errors';

/** A tensor in memory, as f32 whatever it was stored as. */
export interface NamedTensor {
  shape: number[];
  data: Float32Array;
}

/**
 * Tensors that are read when they are wanted, by rows, as f32 whatever they are stored as: so a model never stands whole
 * in memory.
 */
export interface TensorSource {
  /** What sentences call it: "model.safetensors". */
  readonly label: string;
  readonly names: readonly string[];
  /** Undefined: there is no such tensor. */
  shape(name: string): readonly number[] | undefined;
  /**
   * `rows` rows of the first dimension from `row` on; the whole tensor without them. Errors: `bad_input` when there is no
   * such tensor, it is stored as a type the lab does not read, or the file cannot be read.
   */
  read(name: string, row?: number, rows?: number): Promise<Float32Array>;
}

/** Tensors in memory as a source. */
export function memorySource(tensors: ReadonlyMap<string, NamedTensor>, label = 'the model'): TensorSource {
  return {
    label,
    names: [...tensors.keys()],
    shape: (name) => tensors.get(name)?.shape,
    read: async (name, row, rows) => {
      const tensor = tensors.get(name);
      if (!tensor) throw missingTensor(label, name);
      if (row === undefined || rows === undefined) return tensor.data;
      const width = rowLength(tensor.shape);
      return tensor.data.subarray(row * width, (row + rows) * width);
    },
  };
}

/** Several sources as one: a name is looked up in each in turn. */
export function joinedSource(label: string, sources: readonly TensorSource[]): TensorSource {
  const owner = new Map<string, TensorSource>();
  for (const source of sources)
    for (const name of source.names) if (!owner.has(name)) owner.set(name, source);
  return {
    label,
    names: [...owner.keys()],
    shape: (name) => owner.get(name)?.shape(name),
    read: async (name, row, rows) => {
      const source = owner.get(name);
      if (!source) throw missingTensor(label, name);
      return source.read(name, row, rows);
    },
  };
}

/** A source whose tensors go by other names; those that `rename` gives undefined are left out. */
export function renamedSource(
  source: TensorSource,
  rename: (name: string) => string | undefined,
): TensorSource {
  const original = new Map<string, string>();
  for (const name of source.names) {
    const renamed = rename(name);
    if (renamed !== undefined) original.set(renamed, name);
  }
  const nameOf = (name: string): string => original.get(name) ?? name;
  return {
    label: source.label,
    names: [...original.keys()],
    shape: (name) => (original.has(name) ? source.shape(nameOf(name)) : undefined),
    read: async (name, row, rows) => {
      if (!original.has(name)) throw missingTensor(source.label, name);
      return source.read(nameOf(name), row, rows);
    },
  };
}

/** Every tensor of a source, in memory: for models small enough. */
export async function readTensors(source: TensorSource): Promise<Map<string, NamedTensor>> {
  const tensors = new Map<string, NamedTensor>();
  for (const name of source.names) {
    tensors.set(name, { shape: [...(source.shape(name) ?? [])], data: await source.read(name) });
  }
  return tensors;
}

const PIECE_BYTES = 16 * 2 ** 20;

/** A tensor row after row, in pieces of at most 16 MiB (of one row where that is more). Errors: as `read`. */
export async function* tensorPieces(source: TensorSource, name: string): AsyncGenerator<Float32Array> {
  const shape = source.shape(name);
  if (!shape) throw missingTensor(source.label, name);
  const [all = 1] = shape;
  const most = Math.max(1, Math.floor(PIECE_BYTES / (4 * Math.max(1, rowLength(shape)))));
  for (let row = 0; row < all; row += most) yield await source.read(name, row, Math.min(most, all - row));
}

/** Elements of one row: of one index of the first dimension. */
export const rowLength = (shape: readonly number[]): number =>
  shape.slice(1).reduce((product, dim) => product * dim, 1);

export const missingTensor = (label: string, name: string): LabError =>
  new LabError(
    'bad_input',
    `${label} has no tensor ${name}, which config.json calls for. Check that both files belong to one model.`,
  );
