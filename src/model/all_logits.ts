import { part } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { Plan } from '../gpu/plan';
import { logitsStride, type Capacity } from './activations';
import { packTokens, type PackedBatch } from './batch';
import type { ModelConfig } from './config';
import { logitsForward } from './layers/logits';
import type { BatchDims } from './layers/recorder';
import type { Resources } from './resources';

interface Model {
  readonly gpu: Gpu;
  readonly config: ModelConfig;
  readonly capacity: Capacity;
}

const NO_ROWS = { rows: new Uint32Array(), targets: new Uint32Array(), rowStart: new Uint32Array(2) };

/**
 * Logits at every position, (length, V) a sequence, by a plan of their own; `upload` puts a batch where the plan reads it.
 * Errors: a sequence longer than a chunk of the LM head.
 */
export async function allLogits(
  { gpu, config, capacity }: Model,
  { buffers, plans, stream }: Resources,
  sequences: readonly ArrayLike<number>[],
  upload: (batch: PackedBatch) => BatchDims,
): Promise<Float32Array[]> {
  const { vocab_size: V, final_softcap: cap } = config;
  const { activations, head, weights } = buffers;
  const ldv = logitsStride(config);
  const plan = new Plan<BatchDims>(gpu, 'logits');
  const { recorder } = plans.forward(plan, weights);
  logitsForward(recorder, weights.head, activations.hidden, head.logits, ({ N }) => N);
  const logits: Float32Array[] = [];
  for (const tokens of sequences) {
    const N = tokens.length;
    if (N > capacity.chunk) throw new Error(`${N} tokens do not fit a chunk of ${capacity.chunk} rows`);
    plan.prepare(upload({ ...packTokens([tokens]), ...NO_ROWS }));
    const view = part(head.logits, 0, 4 * N * ldv);
    const [bytes] = await stream.read('score', (pass) => plan.encode(pass), [view]);
    const padded = new Float32Array(bytes ?? new ArrayBuffer(0));
    const rows = new Float32Array(N * V);
    for (let n = 0; n < N; n++) rows.set(padded.subarray(n * ldv, n * ldv + V), n * V);
    // On the GPU logits are capped where they are read, not where they lie.
    logits.push(cap ? rows.map((z) => cap * Math.tanh(z / cap)) : rows);
  }
  plan.destroy();
  return logits;
}
