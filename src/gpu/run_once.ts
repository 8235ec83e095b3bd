import { Arena, type Tensor } from './arena';
import type { Gpu } from './device';
import type { Grid, Kernel } from './kernel';
import { Plan } from './plan';
import { Stream } from './stream';

/** Input data, or the number of elements of an output; outputs start as NaN, so what a kernel leaves out shows. */
export type Operand = Float32Array | Uint32Array | number;

/**
 * Runs one kernel once on fresh buffers and returns every `read_write` buffer, as floats: for tests and the self-check,
 * not for training. `repeat` dispatches run in one pass (for timing).
 */
export async function runOnce<B extends string, P extends string>(
  gpu: Gpu,
  kernel: Kernel<B, P>,
  operands: Readonly<Record<B, Operand>>,
  params: Readonly<Record<P, number>>,
  grid: Grid,
  constants: Record<string, number> = {},
): Promise<Record<B, Float32Array>> {
  await gpu.compile(kernel, constants);
  const arena = new Arena(kernel.name, 'separate');
  const names = Object.keys(kernel.buffers) as B[];
  const tensors = {} as Record<B, Tensor>;
  for (const name of names) {
    const operand = operands[name];
    tensors[name] = arena.tensor(name, [typeof operand === 'number' ? operand : operand.length]);
  }
  arena.allocate(gpu);
  const stream = new Stream(gpu);
  const plan = new Plan<null>(gpu, kernel.name);
  try {
    for (const name of names) {
      const operand = operands[name];
      stream.upload(
        tensors[name],
        typeof operand === 'number' ? new Float32Array(operand).fill(Number.NaN) : operand,
      );
    }
    plan.add(kernel, tensors, () => ({ params, grid }), constants);
    plan.prepare(null);
    const outputs = names.filter((name) => kernel.buffers[name] === 'read_write');
    const bytes = await stream.read(
      kernel.name,
      (pass) => plan.encode(pass),
      outputs.map((name) => tensors[name]),
    );
    const results = {} as Record<B, Float32Array>;
    outputs.forEach((name, index) => {
      results[name] = new Float32Array(bytes[index] ?? new ArrayBuffer(0));
    });
    return results;
  } finally {
    plan.destroy();
    stream.destroy();
    arena.destroy();
  }
}
