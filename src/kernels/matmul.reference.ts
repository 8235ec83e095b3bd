import type { MatmulLayout } from './matmul';

interface ReferenceDims {
  M: number;
  N: number;
  K: number;
  lda: number;
  ldb: number;
}

/**
 * out (M,N) = a b in f64, by the definition: nt a (M,K) b (N,K), nn a (M,K) b (K,N), tn a (K,M) b (K,N). Operands are
 * row-major with rows of lda and ldb values; out is dense.
 */
export function matmulReference(
  layout: MatmulLayout,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  { M, N, K, lda, ldb }: ReferenceDims,
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

/** out (M,N) = the sum of partials (slices,M,N), rows of `stride` values, in f64; dense. */
export function mergeReference(
  partials: ArrayLike<number>,
  slices: number,
  { M, N, stride }: { M: number; N: number; stride: number },
): Float64Array {
  return Float64Array.from({ length: M * N }, (_, i) => {
    let sum = 0;
    for (let slice = 0; slice < slices; slice++)
      sum += partials[(slice * M + Math.floor(i / N)) * stride + (i % N)] ?? 0;
    return sum;
  });
}

/** Rows of a (M,K), lda apart, RMS-normed and scaled by weight (K) + offset, in f64; dense. Zhang & Sennrich 2019, eq. 4. */
export function normedRows(
  a: ArrayLike<number>,
  weight: ArrayLike<number>,
  eps: number,
  { M, K, lda }: { M: number; K: number; lda: number },
  offset = 0,
): Float64Array {
  const out = new Float64Array(M * K);
  for (let m = 0; m < M; m++) {
    let squares = 0;
    for (let k = 0; k < K; k++) squares += (a[m * lda + k] ?? 0) ** 2;
    const rstd = 1 / Math.sqrt(squares / K + eps);
    for (let k = 0; k < K; k++) out[m * K + k] = (a[m * lda + k] ?? 0) * ((weight[k] ?? 0) + offset) * rstd;
  }
  return out;
}
