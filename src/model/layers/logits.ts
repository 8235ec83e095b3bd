import { part, type View } from '../../gpu/arena';
import { addMatmul } from '../../kernels/matmul';
import type { Shard } from '../../kernels/vocabulary';
import { logitsStride } from '../activations';
import type { LayerDims, Recorder } from './recorder';

/** The columns of rows of logits that are a shard's tokens; the row stride stays. */
const columnsOf = (logits: View, { row0 }: Shard): View => part(logits, 4 * row0, logits.bytes - 4 * row0);

/** logits (R,ldv) = hidden (R,C) headᵀ, shard by shard. */
export function logitsForward<D extends LayerDims>(
  { plan, gpu, config }: Recorder<D>,
  head: readonly Shard[],
  hidden: View,
  logits: View,
  rows: (dims: D) => number,
): void {
  const [C, ldc] = [config.hidden_size, logitsStride(config)];
  for (const shard of head) {
    const buffers = { a: hidden, b: shard.weight, out: columnsOf(logits, shard) };
    addMatmul(plan, gpu, 'nt', buffers, (dims) => ({ M: rows(dims), N: shard.rows, K: C, ldc }), {
      bStorage: shard.storage ?? 'f32',
    });
  }
}

/** From dlogits (R,ldv): dhidden (R,C) = dlogits head and, unless the head is frozen, dhead += dlogitsᵀ hidden. */
export function logitsBackward<D extends LayerDims>(
  { plan, gpu, config, partials }: Recorder<D>,
  head: readonly Shard[],
  dhead: readonly Shard[],
  hidden: View,
  dlogits: View,
  dhidden: View,
  rows: (dims: D) => number,
): void {
  const [C, lda] = [config.hidden_size, logitsStride(config)];
  for (const shard of head) {
    addMatmul(
      plan,
      gpu,
      'nn',
      { a: columnsOf(dlogits, shard), b: shard.weight, out: dhidden },
      (dims) => ({ M: rows(dims), N: C, K: shard.rows, lda, accumulate: shard.row0 > 0 }),
      { partials, bStorage: shard.storage ?? 'f32' },
    );
  }
  for (const shard of dhead) {
    addMatmul(
      plan,
      gpu,
      'tn',
      { a: columnsOf(dlogits, shard), b: hidden, out: shard.weight },
      (dims) => ({ M: shard.rows, N: C, K: rows(dims), lda, accumulate: true }),
      { partials },
    );
  }
}
