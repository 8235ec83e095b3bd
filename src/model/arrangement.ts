/**
 * How the elements of a stored tensor lie in ours: `same`; `transposed`, stored (in, out) and ours (out, in); or `heads`,
 * stored rows of query, key and value head by head (NH,3,HS), ours one projection after the other (3,NH,HS).
 */
export type Arrangement = 'same' | 'transposed' | 'heads';

/** Stored to ours. `shape`: as stored; `headDim`: HS. */
export function arrange(
  data: Float32Array,
  kind: Arrangement,
  [rows = 1, columns = 1]: readonly number[],
  headDim: number,
): Float32Array {
  if (kind === 'same') return data;
  if (kind === 'transposed') return swapped(data, rows, columns, 1);
  return swapped(data, rows / 3 / headDim, 3, headDim * columns);
}

/** Ours back to stored: the inverse of `arrange`. */
export function restore(
  data: Float32Array,
  kind: Arrangement,
  [rows = 1, columns = 1]: readonly number[],
  headDim: number,
): Float32Array {
  if (kind === 'same') return data;
  if (kind === 'transposed') return swapped(data, columns, rows, 1);
  return swapped(data, 3, rows / 3 / headDim, headDim * columns);
}

/** (first, second, run) as (second, first, run). */
function swapped(data: Float32Array, first: number, second: number, run: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let i = 0; i < first; i++) {
    for (let j = 0; j < second; j++) {
      const from = (i * second + j) * run;
      out.set(data.subarray(from, from + run), (j * first + i) * run);
    }
  }
  return out;
}
