import { toLabError } from '../errors';
import { adapterName, openGpu, type Gpu } from '../gpu/device';
import { allCases } from '../kernels/all_cases';
import { runCase, type CaseResult, type KernelCase } from '../kernels/case';
import { oneCaseAKernel } from '../kernels/check_kernels';

/** One case as the page shows it and reports it: plain data. */
export interface SelfCheckResult {
  kernel: string;
  direction: 'forward' | 'backward';
  shape: string;
  ok: boolean;
  /** Largest share of the tolerance used by any element of any tensor; null when the kernel did not run or gave NaN. */
  share: number | null;
  /** Where that was, or why the kernel did not run. */
  message: string;
}

/** What the self-check worker is told, once: 'quick' is one case of each kernel it will use, 'all' is every shape. */
export type SelfCheckExtent = 'quick' | 'all';

/** What the self-check worker says: once `start`, `results` in batches, then `done`; or `failed` instead of the rest. */
export type SelfCheckEvent =
  | { type: 'start'; adapter: string; total: number }
  | { type: 'results'; results: SelfCheckResult[] }
  | { type: 'done'; milliseconds: number }
  | { type: 'failed'; message: string };

/** Results are sent together: one message, and one drawing of the page, this often. */
const BATCH_MS = 150;

const post = (event: SelfCheckEvent): void => self.postMessage(event);

/** Every case of every kernel that the lab may run on this adapter, at the limits that the weakest device grants. */
async function check(extent: SelfCheckExtent): Promise<void> {
  const started = performance.now();
  const gpu = await openGpu(navigator.gpu, { defaultLimits: true });
  const cases =
    extent === 'quick' ? oneCaseAKernel(gpu) : allCases.filter(({ isFor }) => isFor?.(gpu.facts) ?? true);
  post({ type: 'start', adapter: adapterName(gpu.facts), total: cases.length });
  let batch: SelfCheckResult[] = [];
  let sent = performance.now();
  for await (const { kernel, direction, shape, ok, worst } of oneAhead(gpu, cases)) {
    const share = typeof worst === 'string' || !Number.isFinite(worst.share) ? null : worst.share;
    const message = typeof worst === 'string' ? worst : worst.message;
    batch.push({ kernel, direction, shape, ok, share, message });
    if (performance.now() - sent < BATCH_MS) continue;
    post({ type: 'results', results: batch });
    batch = [];
    sent = performance.now();
  }
  gpu.close();
  post({ type: 'results', results: batch });
  post({ type: 'done', milliseconds: performance.now() - started });
}

/** Results in order; a case begins, and its kernel is compiled, while the one before it runs. */
async function* oneAhead(gpu: Gpu, cases: readonly KernelCase[]): AsyncGenerator<CaseResult> {
  let before: Promise<CaseResult> | undefined;
  for (const kernelCase of cases) {
    const result = runCase(gpu, kernelCase);
    if (before) yield before;
    before = result;
  }
  if (before) yield before;
}

self.onmessage = ({ data }: MessageEvent<SelfCheckExtent>) => {
  check(data).catch((error: unknown) => post({ type: 'failed', message: toLabError(error).message }));
};
