import { fractionOfRoof } from '../figure';
import { Arena } from '../../src/gpu/arena';
import { Plan } from '../../src/gpu/plan';
import { addMatmul } from '../../src/kernels/matmul';
import type { Suite } from '../suite';
import { GpuClock } from '../timing';

const GEMM = 512;

/** Every kernel at the shapes of real models, and the square matmul that the lab's bar is set on. */
export const kernels: Suite = async (context) => {
  await squareMatmul(context);
};

/** gemm_512: a square matmul of a linear layer, in GFLOP/s and as a share of the measured FMA peak. */
const squareMatmul: Suite = async ({ gpu, roofline, report }) => {
  const clock = new GpuClock(gpu);
  const arena = new Arena('gemm_512', 'separate');
  const [a, b, out] = ['a', 'b', 'out'].map((name) => arena.tensor(name, [GEMM, GEMM]));
  if (!a || !b || !out) return;
  arena.allocate(gpu);
  const plan = new Plan<null>(gpu, 'gemm_512');
  addMatmul(plan, gpu, 'nt', { a, b, out }, () => ({ M: GEMM, N: GEMM, K: GEMM }));
  plan.prepare(null);
  const { milliseconds, samples } = await clock.time((pass) => plan.encode(pass));
  const flops = 2 * GEMM ** 3;
  report({ name: 'gemm_512/gflop_s', value: flops / milliseconds / 1e6, unit: 'GFLOP/s', samples });
  const fraction = fractionOfRoof({ flops, bytes: 0 }, milliseconds, roofline);
  if (fraction !== undefined)
    report({ name: 'gemm_512/fraction_of_fma', value: fraction, unit: 'of FMA peak', samples });
  plan.destroy();
  arena.destroy();
  clock.destroy();
};
