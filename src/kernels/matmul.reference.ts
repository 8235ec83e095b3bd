import type { MatmulLayout } from './matmul';

/**
 * out (M,N) = a b in f64, by the definition: nt a (M,K) b (N,K), nn a (M,K) b (K,N), tn a (K,M) b (K,N). Operands are
 * row-major with rows of lda and ldb values; out is dense.
 */
export function matmulReference(
  layout: MatmulLayout,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  { M, N, K, lda, ldb }: { M: number; N: number; K: number; lda: number; ldb: number },
): Float64Array {
  const out = new Float64Array(M * N);
  for (let m = 0; m < M; m++) {
    for (let n = 0; n < N; n++) {
      let sum = 0;
      for (let k = 0; k < K; k++) {
        const left = a[layout === 'tn' ? k * lda + m : m * lda + k] ?? 0;
        const right = b[layout === 'nt' ? n * ldb + k : k * ldb + n] ?? 0;
        sum += left * right;
      }
      out[m * N + n] = sum;
    }
  }
  return out;
}
