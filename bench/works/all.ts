import type { KernelWork } from '../kernel_work';
import type { Shapes } from '../shapes';
import { decodeWorks } from './decode';
import { familyWorks } from './families';
import { headWorks } from './head';
import { layerWorks } from './layer';
import { loraWorks } from './lora';
import { matmulWorks } from './matmul';
import { rowWorks } from './rows';

/** Every kernel at a model's shapes, for N tokens. */
export const allWorks = (shapes: Shapes, N: number): KernelWork[] => [
  ...matmulWorks(shapes, N),
  ...layerWorks(shapes, N),
  ...familyWorks(shapes, N),
  ...loraWorks(shapes),
  ...headWorks(shapes, N),
  ...rowWorks(shapes, N),
  ...decodeWorks(shapes),
];
