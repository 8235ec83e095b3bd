import { adapterName, type Gpu } from '../gpu/device';
import { tuneMatmuls, type TunedShape } from '../kernels/tuner';
import { VERSION } from '../version';

/** Milliseconds the tuner may take, once an adapter. */
const BUDGET_MS = 300;

// Of the larger bundled model: hidden size, gate and up projection together, tokens of a training micro-batch.
const [C, F2, TOKENS] = [128, 688, 2112];
// Of SmolLM2-135M: hidden size, that of its MLP, tokens enough to be told apart.
const LARGE = { C: 576, F: 1536, TOKENS: 512 };
/** Their largest products: of the forward with many tokens and in decoding, of the gradients of input and weight. */
const PRODUCTS: readonly TunedShape[] = [
  ...[TOKENS, 64, 8].map((M) => ({ layout: 'nt', M, N: F2, K: C }) as const),
  { layout: 'nn', M: TOKENS, N: C, K: F2 },
  { layout: 'tn', M: F2, N: C, K: TOKENS },
  { layout: 'nt', M: LARGE.TOKENS, N: LARGE.F, K: LARGE.C },
  { layout: 'nn', M: LARGE.TOKENS, N: LARGE.C, K: LARGE.F },
  { layout: 'tn', M: LARGE.F, N: LARGE.C, K: LARGE.TOKENS },
];

/** Configurations by shape class, as they are kept: they may be those of another version of the lab. */
export type MatmulTable = Record<string, string>;

/** What a table is kept by: adapter and version, since either may change what was measured. */
export const tableKey = ({ facts }: Gpu): string =>
  [adapterName(facts), facts.vendor, facts.architecture, VERSION].join(' | ');

export const isTable = (value: unknown): value is MatmulTable =>
  typeof value === 'object' &&
  value !== null &&
  Object.values(value).every((chosen) => typeof chosen === 'string');

/**
 * The table of matmul configurations that is fastest on this GPU, to pin with `pinChoices`. Adapters that run on the CPU
 * keep the default, which was measured on them at leisure: here a single product takes as long as the whole budget.
 */
export async function tunedChoices(gpu: Gpu): Promise<MatmulTable> {
  return gpu.facts.isSoftware ? {} : tuneMatmuls(gpu, PRODUCTS, BUDGET_MS);
}
