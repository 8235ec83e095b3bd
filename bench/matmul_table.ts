import type { Gpu } from '../src/gpu/device';
import { choicesOf, defaultChoices } from '../src/kernels/matmul';

/** The matmul table in force: `default`, or the classes in which it differs: `nt/many tiled_128x64, …`. */
export function matmulTable(gpu: Gpu): string {
  const preset: Record<string, string> = defaultChoices(gpu.facts);
  const changed = Object.entries(choicesOf(gpu)).filter(([shape, chosen]) => preset[shape] !== chosen);
  return changed.length ? changed.map(([shape, chosen]) => `${shape} ${chosen}`).join(', ') : 'default';
}
