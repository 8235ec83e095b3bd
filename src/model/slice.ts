import { part, type Tensor, type View } from '../gpu/arena';
import { encodeRows, rowWords, type Storage } from '../kernels/quantize';
import type { Arrangement } from './arrangement';
import { rowLength } from './tensor_source';

/** A Hugging Face tensor as rows of ours: of one, or of the shards of a vocabulary. */
export interface Slice {
  /** As stored, with its elements arranged so. */
  shape: number[];
  arrangement: Arrangement;
  parts: Part[];
}

/** Rows of a Hugging Face tensor, `rows` from `first` on, where they begin in ours, and how ours stores them. */
export interface Part {
  tensor: Tensor;
  row: number;
  first: number;
  rows: number;
  /** Values of one of our rows. */
  length: number;
  storage: Storage;
}

/** A tensor's values, or some rows of them, and where they go. */
export interface Placed {
  view: View;
  data: Float32Array | Uint32Array;
}

export const elements = (shape: readonly number[]): number =>
  shape.reduce((product, dim) => product * dim, 1);

/** Where a part of a slice lies on the GPU. */
export function viewOf({ tensor, row, rows, length, storage }: Part, { shape }: Slice): View {
  const rowBytes = 4 * (tensor.shape[1] ?? 1);
  const words = ((rows * rowLength(shape)) / length) * rowWords(storage, length);
  return part(tensor, row * rowBytes, 4 * words);
}

/** A tensor's values, arranged as ours, part by part. */
export function placeSlice(slice: Slice, data: Float32Array): Placed[] {
  const length = rowLength(slice.shape);
  return slice.parts.map((own) => ({
    view: viewOf(own, slice),
    data: encodeRows(
      own.storage,
      data.subarray(own.first * length, (own.first + own.rows) * length),
      own.length,
    ),
  }));
}
