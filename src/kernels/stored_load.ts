import { GROUP, type Storage } from './quantize';
import type { VocabularyStorage } from './vocabulary';

/** How a generated kernel reads a frozen matrix (src/kernels/quantize.ts): lines of WGSL. Arithmetic is f32. */

/** What the rows of a stored matrix hold, for a kernel's header. */
export const STORED_ROWS = {
  f32: 'floats',
  f16: 'f16',
  q8: 'u32: codes of 8 bits, then an f32 scale for every 32 of them',
  q4: 'u32: codes of 4 bits, then an f32 scale for every 32 of them',
} as const satisfies Record<Storage, string>;

/** Type of an element of the matrix's binding. */
export const storedType = (storage: Storage): string =>
  ({ f32: 'vec4f', f16: 'vec2u', q8: 'u32', q4: 'u32' })[storage];

/** Elements that a row of `length` values takes, a multiple of 4: rows lie end to end. */
export const storedStride = (storage: VocabularyStorage, length: string): string =>
  storage === 'q8' ? `${length} / 4u + (${length} + ${GROUP - 1}u) / ${GROUP}u` : `${length} / 4u`;

/** Four values as f32: number `four` of the row of `length` values that begins at element `row` of the binding. */
export const storedFour = (matrix: string, storage: Storage, row: string, four: string): string =>
  storage === 'f32' ? `${matrix}[${row} + ${four}]` : `load_${matrix}(${row}, ${four})`;

/** fn load_<matrix>, where it is not stored as f32. */
export function storedLoad(matrix: string, storage: Storage, length: string): string[] {
  if (storage === 'f32') return [];
  const scale = (perWord: number): string =>
    `bitcast<f32>(${matrix}[row + (${length} + ${perWord - 1}u) / ${perWord}u + four / ${GROUP / 4}u])`;
  const body = {
    f16: [
      `let halves = ${matrix}[row + four];`,
      'return vec4f(unpack2x16float(halves.x), unpack2x16float(halves.y));',
    ],
    q8: [
      `let codes = vec4i(bitcast<i32>(${matrix}[row + four])) << vec4u(24u, 16u, 8u, 0u);`,
      `return vec4f(codes >> vec4u(24u)) * ${scale(4)};`,
    ],
    q4: [
      `let word = ${matrix}[row + four / 2u] >> (four % 2u * 16u);`,
      'let codes = vec4i(bitcast<i32>(word)) << vec4u(28u, 24u, 20u, 16u);',
      `return vec4f(codes >> vec4u(28u)) * ${scale(8)};`,
    ],
  }[storage];
  return [`fn load_${matrix}(row: u32, four: u32) -> vec4f {`, ...body.map((line) => `  ${line}`), '}', ''];
}
