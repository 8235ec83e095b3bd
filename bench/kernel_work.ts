import { Arena, type Tensor } from '../src/gpu/arena';
import type { Gpu } from '../src/gpu/device';
import { Plan } from '../src/gpu/plan';
import { Stream } from '../src/gpu/stream';
import { costOf, kernelFigureName, measureOf, type Dims } from './cost';
import type { Figure } from './figure';
import { fractionOfRoof, type Roofs } from './roofline/roofs';
import type { GpuClock } from './timing';

/** A buffer's contents, or its number of floats, left at zero: arithmetic takes as long. */
export type Operand = number | Uint32Array | Float32Array;

/** One kernel (or the few dispatches of one operation) at one shape. */
export interface KernelWork {
  kernel: string;
  /** What it does in the model, where one kernel does several things: `gate_up`. */
  role?: string;
  dims: Dims;
  operands: Readonly<Record<string, Operand>>;
  record: (plan: Plan<null>, tensors: Record<string, Tensor>, gpu: Gpu) => void;
}

/** A work that may be encoded: its buffers are there until it is released. */
export interface PreparedWork {
  encode: (pass: GPUComputePassEncoder) => void;
  release: () => void;
}

/** Puts a work on buffers of its own. */
export function prepareWork(gpu: Gpu, { kernel, operands, record }: KernelWork): PreparedWork {
  const arena = new Arena(kernel, 'separate');
  const tensors = tensorsOf(arena, operands);
  const plan = new Plan<null>(gpu, kernel);
  const stream = new Stream(gpu);
  arena.allocate(gpu);
  for (const [name, operand] of Object.entries(operands)) {
    const tensor = tensors[name];
    if (tensor && typeof operand !== 'number') stream.upload(tensor, operand);
  }
  record(plan, tensors, gpu);
  plan.prepare(null);
  const release = (): void => {
    for (const owner of [plan, stream, arena]) owner.destroy();
  };
  return { encode: (pass) => plan.encode(pass), release };
}

/** Runs it on buffers of its own: its rate as a figure, with its share of the roof. */
export async function measureKernel(
  gpu: Gpu,
  clock: GpuClock,
  roofs: Roofs,
  model: string,
  work: KernelWork,
  wanted?: number,
): Promise<Figure> {
  const { kernel, role = '', dims } = work;
  const { encode, release } = prepareWork(gpu, work);
  try {
    const { milliseconds, samples } = await clock.time(encode, wanted);
    const cost = costOf(kernel, dims);
    const fraction_of_roof = fractionOfRoof(cost, milliseconds, roofs);
    const isBytes = measureOf(kernel) === 'bytes';
    return {
      name: kernelFigureName({ model, kernel, role, dims }),
      value: (isBytes ? cost.bytes : cost.flops) / milliseconds / 1e6,
      unit: isBytes ? 'GB/s' : 'GFLOP/s',
      samples,
      ...(fraction_of_roof === undefined ? {} : { fraction_of_roof }),
    };
  } finally {
    release();
  }
}

/** Declares a work's operands in an arena. */
export function tensorsOf(arena: Arena, operands: KernelWork['operands']): Record<string, Tensor> {
  const declare = (name: string, operand: Operand): Tensor =>
    arena.tensor(name, [typeof operand === 'number' ? operand : operand.length]);
  return Object.fromEntries(
    Object.entries(operands).map(([name, operand]) => [name, declare(name, operand)]),
  );
}
