import { activationWgsl } from './activation';
import type { MatmulLayout } from './matmul';
import { isQuantized, type Storage } from './quantize';
import { storedFour, storedLoad, storedType } from './stored_load';

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
  /** Without `step`: the workgroup is one subgroup of this size (`across`) that loads each value of a once, for all. */
  subgroup?: number;
  /**
   * Without `step`, in subgroups of 4: an element gains this many fours of k in a turn of the loop, and values pass between
   * lanes by quad operations. Left out: a row's four columns gain one product of a matrix of four by four.
   */
  dots?: number;
  /** With `dots`: rows are stored by a loop. A third less code to compile; where k is short the loop costs a seventh more. */
  storesInLoop?: boolean;
}

/** What a kernel does around the product, and how b is stored. */
export interface MatmulFusion {
  /** Rows of a are RMS-normed on the way in (nt). */
  norm: boolean;
  /** The product gains low highᵀ, of few columns of k: an adapter's (nt). */
  adapter: boolean;
  /** b is gate rows then up rows; out = activation(gate) · up (nt). */
  gated: boolean;
  /** out = activation(product). */
  activated: boolean;
  /** out = product + residual. */
  residual: boolean;
  /** out = product + bias; it comes before an activation, and with a gate it has both halves. */
  bias: boolean;
  /** out += product instead of out = product. A kernel of its own: a branch not taken costs a software adapter as much. */
  accumulate: boolean;
  /** How b is stored (src/kernels/quantize.ts); arithmetic stays f32. Not of tn. */
  storage: Storage;
}

export const PLAIN: MatmulFusion = {
  norm: false,
  adapter: false,
  gated: false,
  activated: false,
  residual: false,
  bias: false,
  accumulate: false,
  storage: 'f32',
};

/** Whether such a product may be added to what is there: those of training; what generation fuses is written. */
export const canAccumulate = ({ norm, adapter, gated, activated, residual }: MatmulFusion): boolean =>
  ![norm, adapter, gated, activated, residual].includes(true);

/** 0 … n−1. */
export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
export const XYZW = ['x', 'y', 'z', 'w'] as const;

/**
 * With a gate a thread holds four of its columns and the same of up, at least: twice the columns and, but in a direct
 * workgroup, half the threads.
 */
export function fitted(blocking: Blocking, { gated }: MatmulFusion): Blocking {
  if (!gated || blocking.columns >= 8) return blocking;
  if (blocking.step === undefined) return { ...blocking, columns: 8 };
  return { ...blocking, columns: 8, across: (blocking.across * blocking.columns) / 8 };
}

/** Rows and columns of `out` that one workgroup makes. */
export function matmulTile(
  blocking: Blocking,
  fusion: MatmulFusion = PLAIN,
): [rows: number, columns: number] {
  const { rows, columns, across, down } = fitted(blocking, fusion);
  return [down * rows, fusion.gated ? (across * columns) / 2 : across * columns];
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
    return storedFour('b', this.fusion.storage, row, four);
  }

  /** WGSL type of an element of b's binding, and how many of them a row takes. */
  get elementOfB(): { type: string; stride: string } {
    const { storage } = this.fusion;
    return { type: storedType(storage), stride: isQuantized(storage) ? 'params.ldb' : '(params.ldb / 4u)' };
  }

  /** fn load_b, where b is not stored as f32. */
  loadB(): string[] {
    return storedLoad('b', this.fusion.storage, this.layout === 'nt' ? 'params.K' : 'params.N');
  }

  /** fn share, where an activation joins the product. */
  activation(): string[] {
    const { gated, activated } = this.fusion;
    return gated || activated ? [...activationWgsl.trimEnd().split('\n'), ''] : [];
  }

  /**
   * Lanes of a subgroup of four pass values of a on by quad swaps: each lane sees a load's rows in an order of its own. Not
   * where lanes load different k.
   */
  get swaps(): boolean {
    return this.blocking.dots !== undefined && (this.layout !== 'tn' || this.blocking.rows >= 16);
  }

  /** Which row of the workgroup's tile a thread's row r is, as WGSL; tn loads four rows at once. */
  private rowOf(r: string): string {
    if (!this.swaps) return r;
    return this.layout === 'tn' ? `(${r} ^ (lane * 4u))` : `(${r} ^ lane)`;
  }

  declareSums(): string[] {
    const { dots, columns } = this.blocking;
    return this.rows.flatMap((r) =>
      dots
        ? range(columns).map((n) => `  var c${r}_${n} = 0.0;`)
        : this.groups.map((g) => `  var c${r}_${g} = vec4f();`),
    );
  }

  /** Of one row, the sums of a group of four columns; of row `r` of the loop that stores them where r is undefined. */
  private sums(r: number | undefined, g: number): string {
    if (r !== undefined && !this.blocking.dots) return `c${r}_${g}`;
    const sum = (n: number): string =>
      r === undefined ? `sums[r + ${n * this.rows.length}u]` : `c${r}_${n}`;
    return `vec4f(${range(4)
      .map((i) => sum(4 * g + i))
      .join(', ')})`;
  }

  /** A row's sums times its factor, where there is a norm: before anything is added to them. */
  scaleSums(rstd: (row: number) => string): string[] {
    const { dots, columns } = this.blocking;
    if (!this.fusion.norm) return [];
    return this.rows.flatMap((r) =>
      range(dots ? columns : this.groups.length).map((n) => `  c${r}_${n} *= ${rstd(r)};`),
    );
  }

  /**
   * The thread's product to `out`. Reads no param more than once, and is no function: SwiftShader would divide for the length
   * of `out` in each call of it.
   */
  finish(): string[] {
    return [
      '  let stride = params.ldc / 4u;',
      '  let corner = (group.z * params.M + row) * stride + column / 4u;',
      '  let rows = params.M - min(row, params.M);',
      '  let width = params.N;',
      '  let columns = width - min(column, width);',
      ...(this.blocking.storesInLoop ? this.rowLoop() : this.rows.flatMap((r) => this.storeRow(r))),
    ];
  }

  /** The rows one after another, their sums in an array. */
  private rowLoop(): string[] {
    const count = this.rows.length;
    const sums = range(this.blocking.columns).flatMap((n) =>
      this.rows.map((r) => `  sums[${n * count + r}] = c${r}_${n};`),
    );
    return [
      `  var sums: array<f32, ${sums.length}>;`,
      ...sums,
      `  for (var r = 0u; r < ${count}u; r++) {`,
      ...this.storeRow(undefined).map((line) => '  ' + line),
      '  }',
    ];
  }

  /** One row, or row `r` of a loop, where it is inside. */
  private storeRow(r: number | undefined): string[] {
    const stored = this.fusion.gated ? this.groups.length / 2 : this.groups.length;
    const place = this.rowOf(r === undefined ? 'r' : `${r}u`);
    return [
      `  if (${place} < rows) {`,
      `    let at = corner + ${place} * stride;`,
      ...range(stored).flatMap((g) => [
        `    if (${4 * g}u < columns) {`,
        ...this.store(r, g, stored).map((line) => `      ${line}`),
        '    }',
      ]),
      '  }',
    ];
  }

  /** One row's group of four columns, of `stored` groups, to out[at + g] with the epilogue. */
  private store(r: number | undefined, g: number, stored: number): string[] {
    const { gated, activated, residual, bias, accumulate } = this.fusion;
    const biased = (group: number, at: string): string =>
      this.sums(r, group) + (bias ? ` + bias[${at} + ${g}u]` : '');
    const value = gated
      ? 'gate * share(gate) * up'
      : (activated ? 'sum * share(sum)' : 'sum') + (residual ? ` + residual[at + ${g}u]` : '');
    return [
      `let ${gated ? 'gate' : 'sum'} = ${biased(g, 'column / 4u')};`,
      ...(gated ? [`let up = ${biased(g + stored, '(width + column) / 4u')};`] : []),
      `let value = select(vec4f(0.0), ${value}, vec4u(0u, 1u, 2u, 3u) < vec4u(columns - ${4 * g}u));`,
      `out[at + ${g}u] ${accumulate ? '+=' : '='} value;`,
    ];
  }
}
