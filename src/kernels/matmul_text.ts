import type { MatmulLayout } from './matmul';
import { GROUP, type Storage } from './quantize';

/** How a kernel of the matmul family divides its work. */
export interface Blocking {
  /** Rows and columns of the product that one thread keeps in registers; multiples of 4. */
  rows: number;
  columns: number;
  /** Threads of a workgroup, across columns and down rows. */
  across: number;
  down: number;
  /** Operands go through workgroup memory, `step` columns of k at a time. Without: no workgroup memory, no barrier. */
  step?: number;
  /** Without `step`: fours of k in one turn of the loop; 1 when left out. */
  unroll?: number;
  /** Without `step`: the workgroup is one subgroup of this size (`across`) that loads each value of a once, for all. */
  subgroup?: number;
}

/** What a kernel does around the product, and how b is stored. */
export interface MatmulFusion {
  /** Rows of a are RMS-normed on the way in (nt). */
  norm: boolean;
  /** b is gate rows then up rows; out = silu(gate) · up (nt). */
  swiglu: boolean;
  /** out = product + residual. */
  residual: boolean;
  /** out = product + bias. */
  bias: boolean;
  /** How b is stored (src/kernels/quantize.ts); arithmetic stays f32. Not of tn. */
  storage: Storage;
}

export const PLAIN: MatmulFusion = {
  norm: false,
  swiglu: false,
  residual: false,
  bias: false,
  storage: 'f32',
};

/** 0 … n−1. */
export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
export const XYZW = ['x', 'y', 'z', 'w'] as const;

/**
 * With swiglu a thread holds four columns of the gate and the same of up, at least: twice the columns and, but in a direct
 * workgroup, half the threads.
 */
export function fitted(blocking: Blocking, { swiglu }: MatmulFusion): Blocking {
  if (!swiglu || blocking.columns >= 8) return blocking;
  if (blocking.step === undefined) return { ...blocking, columns: 8 };
  return { ...blocking, columns: 8, across: (blocking.across * blocking.columns) / 8 };
}

/** Rows and columns of `out` that one workgroup makes. */
export function matmulTile(
  blocking: Blocking,
  fusion: MatmulFusion = PLAIN,
): [rows: number, columns: number] {
  const { rows, columns, across, down } = fitted(blocking, fusion);
  return [down * rows, fusion.swiglu ? (across * columns) / 2 : across * columns];
}

/** One kernel being written: what its layout, blocking and fusion say, and the parts all kernels share. */
export class MatmulText {
  readonly layout: MatmulLayout;
  readonly blocking: Blocking;
  readonly fusion: MatmulFusion;
  /** Of one thread: rows, groups of four rows, groups of four columns of the product. */
  readonly rows: number[];
  readonly rowGroups: number[];
  readonly groups: number[];

  constructor(layout: MatmulLayout, blocking: Blocking, fusion: MatmulFusion) {
    this.layout = layout;
    this.blocking = fitted(blocking, fusion);
    this.fusion = fusion;
    this.rows = range(this.blocking.rows);
    this.rowGroups = range(this.blocking.rows / 4);
    this.groups = range(this.blocking.columns / 4);
  }

  get tile(): [rows: number, columns: number] {
    return matmulTile(this.blocking, this.fusion);
  }

  /** Four values of b as f32: number `four` of the row of b that begins at element `row` of the binding. */
  b(row: string, four: string): string {
    return this.fusion.storage === 'f32' ? `b[${row} + ${four}]` : `load_b(${row}, ${four})`;
  }

  /** WGSL type of an element of b's binding, and how many of them a row takes. */
  get elementOfB(): { type: string; stride: string } {
    const { storage } = this.fusion;
    if (storage === 'f32') return { type: 'vec4f', stride: '(params.ldb / 4u)' };
    return storage === 'f16'
      ? { type: 'vec2u', stride: '(params.ldb / 4u)' }
      : { type: 'u32', stride: 'params.ldb' };
  }

  /** fn load_b, where b is not stored as f32. */
  loadB(): string[] {
    const { storage } = this.fusion;
    if (storage === 'f32') return [];
    const length = this.layout === 'nt' ? 'params.K' : 'params.N';
    const scale = (perWord: number): string =>
      `bitcast<f32>(b[row + (${length} + ${perWord - 1}u) / ${perWord}u + four / ${GROUP / 4}u])`;
    const body = {
      f16: [
        'let halves = b[row + four];',
        'return vec4f(unpack2x16float(halves.x), unpack2x16float(halves.y));',
      ],
      q8: [
        'let codes = vec4i(bitcast<i32>(b[row + four])) << vec4u(24u, 16u, 8u, 0u);',
        `return vec4f(codes >> vec4u(24u)) * ${scale(4)};`,
      ],
      q4: [
        'let word = b[row + four / 2u] >> (four % 2u * 16u);',
        'let codes = vec4i(bitcast<i32>(word)) << vec4u(28u, 24u, 20u, 16u);',
        `return vec4f(codes >> vec4u(28u)) * ${scale(8)};`,
      ],
    }[storage];
    return ['fn load_b(row: u32, four: u32) -> vec4f {', ...body.map((line) => `  ${line}`), '}', ''];
  }

  /** fn store: one row's group of four columns, with the epilogue. */
  store(): string[] {
    const { swiglu, residual, bias } = this.fusion;
    const terms = ['sum', ...(residual ? ['residual[at]'] : []), ...(bias ? ['bias[column / 4u]'] : [])];
    return [
      `fn store(slice: u32, row: u32, column: u32, ${swiglu ? 'gate: vec4f, up' : 'sum'}: vec4f) {`,
      '  if (row >= params.M || column >= params.N) {',
      '    return;',
      '  }',
      '  let at = (slice * params.M + row) * (params.ldc / 4u) + column / 4u;',
      `  let full = ${swiglu ? 'gate / (1.0 + exp(-gate)) * up' : terms.join(' + ')};`,
      '  let value = select(vec4f(0.0), full, vec4u(column) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.N));',
      '  if (params.accumulate == 1u) {',
      '    out[at] += value;',
      '  } else {',
      '    out[at] = value;',
      '  }',
      '}',
    ];
  }

  declareSums(): string[] {
    return this.rows.flatMap((r) => this.groups.map((g) => `  var c${r}_${g} = vec4f();`));
  }

  /** The thread's product to `out`; `rstd` names a row's factor, where there is a norm. */
  finish(rstd: (row: number) => string): string[] {
    const { norm, swiglu } = this.fusion;
    const half = this.groups.length / 2;
    const value = (r: number, g: number): string => `c${r}_${g}` + (norm ? ` * ${rstd(r)}` : '');
    return this.rows.flatMap((r) =>
      swiglu
        ? range(half).map(
            (g) =>
              `  store(group.z, row + ${r}u, column + ${4 * g}u, ${value(r, g)}, ${value(r, g + half)});`,
          )
        : this.groups.map((g) => `  store(group.z, row + ${r}u, column + ${4 * g}u, ${value(r, g)});`),
    );
  }
}
