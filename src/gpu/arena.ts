import { LabError } from '../errors';
import type { Gpu } from './device';

/** A range of a GPU buffer, as bound to a kernel. `offset` and `bytes` are multiples of 256 and 4. */
export interface View {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
}

/** A named array on the GPU, row-major, four bytes an element. Its buffer exists once its arena is allocated. */
export interface Tensor extends View {
  readonly name: string;
  readonly shape: readonly number[];
}

const ALIGNMENT = 256;
/** Bytes that a tensor takes: a binding starts at a multiple of 256, and an empty one binds something. */
const align = (bytes: number): number => Math.max(1, Math.ceil(bytes / ALIGNMENT)) * ALIGNMENT;

/** One buffer of an arena and the tensors that lie in it. The buffer exists once the arena is allocated. */
class Piece implements View {
  readonly offset = 0;
  readonly tensors: Tensor[] = [];
  bytes = 0;
  allocated: GPUBuffer | undefined;

  constructor(readonly label: string) {}

  get buffer(): GPUBuffer {
    if (!this.allocated) throw new Error(`${this.label} is used before its arena is allocated`);
    return this.allocated;
  }
}

class Slot implements Tensor {
  readonly bytes: number;
  readonly offset: number;

  constructor(
    readonly name: string,
    readonly shape: readonly number[],
    private readonly piece: Piece,
  ) {
    this.bytes = bytesOf(shape);
    this.offset = piece.bytes;
  }

  get buffer(): GPUBuffer {
    return this.piece.buffer;
  }
}

const bytesOf = (shape: readonly number[]): number => 4 * shape.reduce((product, dim) => product * dim, 1);

/**
 * A byte plan first, buffers second: tensors are declared, the exact bytes are known (and can be shown or refused), and
 * only then is anything allocated. In a `flat` arena tensors lie end to end in as few buffers of at most `pieceBytes` as
 * hold them (weights, gradients, moments: one AdamW dispatch a buffer covers them all); in a `separate` arena each tensor has
 * its own buffer, because WebGPU forbids reading one range of a buffer while writing another in the same dispatch.
 */
export class Arena {
  readonly label: string;
  private readonly pieceBytes: number;
  private readonly all: Piece[] = [];

  constructor(label: string, layout: 'flat' | 'separate', pieceBytes = Infinity) {
    this.label = label;
    this.pieceBytes = layout === 'flat' ? pieceBytes : 0;
  }

  /** Declares a tensor of four-byte elements. Errors: throws after `allocate`. */
  tensor(name: string, shape: readonly number[]): Tensor {
    if (this.all[0]?.allocated) throw new Error(`${this.label} is allocated; ${name} comes too late`);
    const bytes = align(bytesOf(shape));
    const piece = this.pieceFor(bytes, name);
    const slot = new Slot(name, shape, piece);
    piece.bytes += bytes;
    piece.tensors.push(slot);
    return slot;
  }

  /** Sees to it that the next `count` tensors of this shape lie end to end in one buffer. */
  together(count: number, shape: readonly number[]): void {
    this.pieceFor(count * align(bytesOf(shape)), `${count} tensors`);
  }

  /** Exact bytes this arena takes on the GPU. */
  get bytes(): number {
    return this.all.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Bytes of its largest buffer: what a device's limits are held against. */
  get largest(): number {
    return this.all.reduce((most, { bytes }) => Math.max(most, bytes), 0);
  }

  /** Its buffers whole, in the order of their tensors. */
  get pieces(): readonly (View & { readonly tensors: readonly Tensor[] })[] {
    return this.all;
  }

  /** Creates the buffers. Errors: `out_of_memory` with the numbers when a limit of the device forbids it. */
  allocate(gpu: Gpu): this {
    const limit = bindable(gpu);
    for (const piece of this.all) {
      if (piece.bytes > limit) {
        throw new LabError(
          'out_of_memory',
          `${piece.label} needs ${mib(piece.bytes)} in one piece and this GPU binds at most ${mib(limit)}. ` +
            'Use a smaller model, a smaller batch or fewer tokens.',
        );
      }
      piece.allocated = gpu.device.createBuffer({
        label: piece.label,
        size: piece.bytes,
        usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      });
    }
    return this;
  }

  destroy(): void {
    for (const { allocated } of this.all) allocated?.destroy();
  }

  private pieceFor(bytes: number, name: string): Piece {
    const last = this.all.at(-1);
    if (last && (last.bytes === 0 || last.bytes + bytes <= this.pieceBytes)) return last;
    const piece = new Piece(`${this.label}/${name}`);
    this.all.push(piece);
    return piece;
  }
}

/** Most bytes that one buffer can have and one binding of it can show on this GPU. */
export const bindable = ({ facts }: Pick<Gpu, 'facts'>): number =>
  Math.min(facts.maxBufferSize, facts.maxStorageBufferBindingSize);

/** A part of a tensor: `rows` rows of its first dimension from `row`. Its offset must stay a multiple of 256 bytes. */
export function rowsOf(tensor: Tensor, row: number, rows: number): View {
  const rowBytes = tensor.bytes / (tensor.shape[0] ?? 1);
  return part(tensor, row * rowBytes, rows * rowBytes);
}

/** `bytes` of a view from `offset` on. The buffer is looked up when it is used: recording needs none. */
export function part(view: View, offset: number, bytes: number): View {
  return {
    get buffer() {
      return view.buffer;
    },
    offset: view.offset + offset,
    bytes,
  };
}

export const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
