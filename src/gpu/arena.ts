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
const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

class Slot implements Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly bytes: number;
  offset = 0;
  allocated: GPUBuffer | undefined;

  constructor(name: string, shape: readonly number[]) {
    this.name = name;
    this.shape = shape;
    this.bytes = 4 * shape.reduce((product, dim) => product * dim, 1);
  }

  get buffer(): GPUBuffer {
    if (!this.allocated) throw new Error(`${this.name} is used before its arena is allocated`);
    return this.allocated;
  }
}

/**
 * A byte plan first, buffers second: tensors are declared, the exact bytes are known (and can be shown or refused), and
 * only then is anything allocated. `flat` arenas lie end to end in one buffer (weights, gradients, moments: one AdamW
 * dispatch covers them all); in a `separate` arena each tensor has its own buffer, because WebGPU forbids reading one
 * range of a buffer while writing another in the same dispatch.
 */
export class Arena {
  readonly label: string;
  readonly layout: 'flat' | 'separate';
  private readonly slots: Slot[] = [];
  private readonly owned: GPUBuffer[] = [];
  private planned = 0;

  constructor(label: string, layout: 'flat' | 'separate') {
    this.label = label;
    this.layout = layout;
  }

  /** Declares a tensor of four-byte elements. Errors: throws after `allocate`. */
  tensor(name: string, shape: readonly number[]): Tensor {
    if (this.owned.length) throw new Error(`${this.label} is allocated; ${name} comes too late`);
    const slot = new Slot(name, shape);
    if (this.layout === 'flat') slot.offset = this.planned;
    this.planned += Math.max(align(slot.bytes), ALIGNMENT);
    this.slots.push(slot);
    return slot;
  }

  /** Exact bytes this arena takes on the GPU. */
  get bytes(): number {
    return this.planned;
  }

  /** Bytes of its largest buffer: what a device's limits are held against. */
  get largest(): number {
    if (this.layout === 'flat') return this.planned;
    return this.slots.reduce((most, slot) => Math.max(most, align(slot.bytes)), 0);
  }

  get tensors(): readonly Tensor[] {
    return this.slots;
  }

  /** The whole of a flat arena as one view. Its buffer exists once the arena is allocated. */
  get all(): View {
    const [first] = this.slots;
    if (this.layout !== 'flat' || !first) throw new Error(`${this.label} has no single buffer`);
    return part(first, 0, this.planned);
  }

  /** Creates the buffers. Errors: `out_of_memory` with the numbers when a limit of the device forbids it. */
  allocate(gpu: Gpu): this {
    const limit = Math.min(gpu.facts.maxBufferSize, gpu.facts.maxStorageBufferBindingSize);
    const create = (label: string, bytes: number): GPUBuffer => {
      if (bytes > limit) {
        throw new LabError(
          'out_of_memory',
          `${label} needs ${mib(bytes)} in one piece and this GPU binds at most ${mib(limit)}. ` +
            'Use a smaller model, a smaller batch or fewer tokens.',
        );
      }
      const buffer = gpu.device.createBuffer({
        label,
        size: bytes,
        usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      });
      this.owned.push(buffer);
      return buffer;
    };
    if (this.layout === 'flat') {
      const buffer = create(this.label, Math.max(this.planned, ALIGNMENT));
      for (const slot of this.slots) slot.allocated = buffer;
    } else {
      for (const slot of this.slots) {
        slot.allocated = create(`${this.label}/${slot.name}`, Math.max(align(slot.bytes), ALIGNMENT));
      }
    }
    return this;
  }

  destroy(): void {
    for (const buffer of this.owned) buffer.destroy();
  }
}

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
