import { Arena } from '../../src/gpu/arena';
import type { Gpu } from '../../src/gpu/device';
import type { Kernel } from '../../src/gpu/kernel';
import { Plan } from '../../src/gpu/plan';
import { tensorsOf, type KernelWork } from '../kernel_work';

/** A plan that only notes what it is given. */
class Names extends Plan<null> {
  readonly names = new Set<string>();

  override add<B extends string, P extends string>(kernel: Kernel<B, P>): void {
    this.names.add(kernel.name);
  }
}

/** Names of the kernels that these works dispatch on such a GPU. Nothing is allocated or run. */
export function kernelsOf(works: readonly KernelWork[], gpu: Gpu): Set<string> {
  const plan = new Names(gpu, 'covered');
  for (const { kernel, operands, record } of works)
    record(plan, tensorsOf(new Arena(kernel, 'separate'), operands), gpu);
  return plan.names;
}
