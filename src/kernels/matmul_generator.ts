import { defineKernel, type Access, type Kernel } from '../gpu/kernel';
import type { MatmulLayout } from './matmul';

/**
 * How a kernel of the matmul family divides its work. With `step` the operands go through workgroup memory, `step`
 * columns of k at a time; without it there is neither workgroup memory nor a barrier.
 */
export interface Blocking {
  /** Rows and columns of the product that one thread keeps in registers; multiples of 4. */
  rows: number;
  columns: number;
  /** Threads of a workgroup, across columns and down rows. */
  across: number;
  down: number;
  step?: number;
}

/** What a kernel does around the product. */
export interface MatmulFusion {
  /** Rows of a are RMS-normed on the way in (nt). */
  norm: boolean;
  /** b is gate rows then up rows; out = silu(gate) · up (nt). */
  swiglu: boolean;
  /** out = product + residual. */
  residual: boolean;
  /** out = product + bias. */
  bias: boolean;
}

export const PLAIN: MatmulFusion = { norm: false, swiglu: false, residual: false, bias: false };

export type MatmulParam = 'M' | 'N' | 'K' | 'lda' | 'ldb' | 'ldc' | 'accumulate' | 'eps';

/** 0 … n−1. */
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const lines = (parts: (string | string[])[]): string => parts.flat().join('\n');
const XYZW = ['x', 'y', 'z', 'w'] as const;

const FORMULAS = { nt: 'a b^T', nn: 'a b', tn: 'a^T b' } as const;
const SHAPES = {
  nt: { a: '(M,K)', b: '(N,K)' },
  nn: { a: '(M,K)', b: '(K,N)' },
  tn: { a: '(K,M)', b: '(K,N)' },
} as const;

/** Name of the kernel with this blocking and fusion, e.g. matmul_nt_direct_8x8_norm. */
export function matmulName(layout: MatmulLayout, configuration: string, fusion: MatmulFusion): string {
  const parts = (['norm', 'swiglu', 'residual', 'bias'] as const).filter((part) => fusion[part]);
  return ['matmul', layout, configuration, ...parts].join('_');
}

/**
 * Writes one kernel of the matmul family. Each element of the product is one chain of additions over ascending k, so
 * that neither the blocking nor M changes a bit of it. Source: the definition; norm: Zhang & Sennrich 2019
 * (arXiv:1910.07467, eq. 4), the division taken out of the sum; swiglu: Shazeer 2020 (arXiv:2002.05202).
 */
export function generateMatmul(
  layout: MatmulLayout,
  configuration: string,
  blocking: Blocking,
  fusion: MatmulFusion = PLAIN,
): Kernel<string, MatmulParam> {
  if ((fusion.norm || fusion.swiglu) && layout !== 'nt') throw new Error('norm and swiglu are of nt alone');
  if (fusion.swiglu && (fusion.bias || fusion.residual))
    throw new Error('swiglu stands alone behind a product');
  const name = matmulName(layout, configuration, fusion);
  const buffers: Record<string, Access> = {
    a: 'read',
    b: 'read',
    ...(fusion.norm ? { weight: 'read' } : {}),
    ...(fusion.residual ? { residual: 'read' } : {}),
    ...(fusion.bias ? { bias: 'read' } : {}),
    out: 'read_write',
  };
  const writer = new Writer(layout, fitted(blocking, fusion), fusion);
  const wgsl = lines([
    writer.header(name),
    'struct Params { M: u32, N: u32, K: u32, lda: u32, ldb: u32, ldc: u32, accumulate: u32, eps: f32 }',
    '',
    Object.entries(buffers).map(
      ([buffer, access], i) => `@group(0) @binding(${i}) var<storage, ${access}> ${buffer}: array<vec4f>;`,
    ),
    `@group(0) @binding(${Object.keys(buffers).length}) var<uniform> params: Params;`,
    '',
    writer.store(),
    '',
    blocking.step === undefined ? writer.direct() : writer.tiled(blocking.step),
    '',
  ]);
  return defineKernel<string, MatmulParam>({
    name,
    wgsl,
    buffers,
    params: {
      M: 'u32',
      N: 'u32',
      K: 'u32',
      lda: 'u32',
      ldb: 'u32',
      ldc: 'u32',
      accumulate: 'u32',
      eps: 'f32',
    },
  });
}

/** With swiglu a thread holds four columns of the gate and the same of up, at least: twice the columns, half the threads. */
function fitted(blocking: Blocking, { swiglu }: MatmulFusion): Blocking {
  if (!swiglu || blocking.columns >= 8) return blocking;
  return { ...blocking, columns: 8, across: (blocking.across * blocking.columns) / 8 };
}

/** Rows and columns of `out` that one workgroup makes. */
export function matmulTile(
  blocking: Blocking,
  fusion: MatmulFusion = PLAIN,
): [rows: number, columns: number] {
  const columns = blocking.across * blocking.columns;
  return [blocking.down * blocking.rows, fusion.swiglu ? columns / 2 : columns];
}

class Writer {
  private readonly layout: MatmulLayout;
  private readonly blocking: Blocking;
  private readonly fusion: MatmulFusion;
  /** Of one thread: rows, groups of four rows, groups of four columns of the product. */
  private readonly rows: number[];
  private readonly rowGroups: number[];
  private readonly groups: number[];

  constructor(layout: MatmulLayout, blocking: Blocking, fusion: MatmulFusion) {
    this.layout = layout;
    this.blocking = blocking;
    this.fusion = fusion;
    this.rows = range(blocking.rows);
    this.rowGroups = range(blocking.rows / 4);
    this.groups = range(blocking.columns / 4);
  }

  header(name: string): string[] {
    const { norm, swiglu, residual, bias } = this.fusion;
    const { rows, columns, across, down } = this.blocking;
    const [tileRows, tileColumns] = matmulTile(this.blocking, this.fusion);
    const product = `${norm ? 'norm(a) b^T' : FORMULAS[this.layout]}`;
    const sum = product + (residual ? ' + residual' : '') + (bias ? ' + bias' : '');
    const formula = swiglu ? `silu(gate) up, [gate | up] = ${product}` : sum;
    return [
      `// ${name}: out = ${formula}, or out += with accumulate = 1`,
      '// Written by src/kernels/matmul_generator.ts.',
      ...(norm ? ['// norm(a) = a weight rstd, rstd = 1 / sqrt(mean(a^2) + eps) of each row.'] : []),
      '//',
      `//   a         ${SHAPES[this.layout].a}  read         rows of lda floats`,
      `//   b         ${swiglu ? '(2N,K)' : SHAPES[this.layout].b}  read         rows of ldb floats`,
      ...(norm ? ['//   weight    (K)    read'] : []),
      ...(residual ? ['//   residual  (M,N)  read         rows of ldc floats'] : []),
      ...(bias ? ['//   bias      (N)    read'] : []),
      '//   out       (M,N)  read, write  rows of ldc floats',
      '//',
      '// lda, ldb, ldc: multiples of 4; any M, N, K. Columns of out from N to the next multiple of 4 are written 0',
      '// (accumulate = 0) or left alone (1).',
      `// Grid: (N/${tileColumns}, M/${tileRows}), rounded up; ${across}x${down} threads of ${rows}x${columns}.`,
    ];
  }

  /** fn store: one row's group of four columns, with the epilogue. */
  store(): string[] {
    const { swiglu, residual, bias } = this.fusion;
    const terms = ['sum', ...(residual ? ['residual[at]'] : []), ...(bias ? ['bias[column / 4u]'] : [])];
    return [
      swiglu
        ? 'fn store(row: u32, column: u32, gate: vec4f, up: vec4f) {'
        : 'fn store(row: u32, column: u32, sum: vec4f) {',
      '  if (row >= params.M || column >= params.N) {',
      '    return;',
      '  }',
      '  let at = row * (params.ldc / 4u) + column / 4u;',
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

  private declareSums(): string[] {
    return [
      ...this.rows.flatMap((r) => this.groups.map((g) => `  var c${r}_${g} = vec4f();`)),
      ...(this.fusion.norm ? this.rowGroups.map((i) => `  var squares${i} = vec4f();`) : []),
    ];
  }

  /** The thread's own product, times rstd where there is a norm, to `out`. */
  private finish(): string[] {
    const { norm, swiglu } = this.fusion;
    const value = (r: number, g: number): string =>
      `c${r}_${g}` + (norm ? ` * rstd${Math.floor(r / 4)}.${XYZW[r % 4]}` : '');
    const half = this.groups.length / 2;
    return [
      ...(norm
        ? this.rowGroups.map(
            (i) => `  let rstd${i} = inverseSqrt(squares${i} / f32(params.K) + vec4f(params.eps));`,
          )
        : []),
      ...this.rows.flatMap((r) =>
        swiglu
          ? range(half).map(
              (g) => `  store(row + ${r}u, column + ${4 * g}u, ${value(r, g)}, ${value(r, g + half)});`,
            )
          : this.groups.map((g) => `  store(row + ${r}u, column + ${4 * g}u, ${value(r, g)});`),
      ),
    ];
  }

  /** First row of b (nt) or column of b, as WGSL, of group g of the thread's columns. */
  private columnOf(g: number): string {
    const half = this.groups.length / 2;
    if (this.fusion.swiglu && g >= half) return `params.N + min(column + ${4 * (g - half)}u, last)`;
    return `min(column + ${4 * g}u, last)`;
  }

  // ---- Without workgroup memory -----------------------------------------------------------------------------------

  /**
   * Every load is a vec4: nt and nn read four k of a row of a at once, tn four rows of one k; nt reads four k of a
   * column of b, nn and tn four columns of one k.
   */
  direct(): string[] {
    const { across, down } = this.blocking;
    const [tileRows, tileColumns] = matmulTile(this.blocking, this.fusion);
    const perThread = tileColumns / across;
    return [
      `@compute @workgroup_size(${across}, ${down})`,
      'fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {',
      `  let row = group.y * ${tileRows}u${down > 1 ? ` + local.y * ${this.blocking.rows}u` : ''};`,
      `  let column = (group.x * ${across}u + local.x) * ${perThread}u;`,
      '  if (row >= params.M || column >= params.N) {',
      '    return;',
      '  }',
      '  // Rows and columns past the end repeat the last; what they give is not stored.',
      ...this.operandStarts(),
      ...this.declareSums(),
      '  let whole = params.K / 4u * 4u;',
      '  for (var k = 0u; k < whole; k += 4u) {',
      ...this.directStep(false).map((line) => '  ' + line),
      '  }',
      '  if (whole < params.K) {',
      '    let k = whole;',
      '    let inside = vec4u(k) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.K);',
      ...this.directStep(true).map((line) => '  ' + line),
      '  }',
      ...this.finish(),
      '}',
    ];
  }

  /** Where the thread's rows of a and columns of b begin, in vec4. */
  private operandStarts(): string[] {
    const nt = this.layout === 'nt';
    return [
      ...(this.layout === 'tn'
        ? this.rowGroups.map((i) => `  let a${i} = min(row + ${4 * i}u, params.M - 1u) / 4u;`)
        : this.rows.map((r) => `  let a${r} = min(row + ${r}u, params.M - 1u) * (params.lda / 4u);`)),
      ...(nt
        ? range(this.blocking.columns).map((n) => `  let b${n} = ${this.rowOfB(n)} * (params.ldb / 4u);`)
        : [
            '  let last = params.N - 1u;',
            ...this.groups.map((g) => `  let b${g} = ${this.columnOf(g)} / 4u;`),
          ]),
    ];
  }

  private rowOfB(n: number): string {
    const half = this.blocking.columns / 2;
    if (this.fusion.swiglu && n >= half) return `(params.N + min(column + ${n - half}u, params.N - 1u))`;
    return `min(column + ${n}u, params.N - 1u)`;
  }

  /** Four steps of k; `tail` leaves out what lies past K. */
  private directStep(tail: boolean): string[] {
    const { layout } = this;
    const { norm } = this.fusion;
    const masked = (load: string): string => (tail ? `select(vec4f(0.0), ${load}, inside)` : load);
    const at = (i: number): string => (tail ? `min(k + ${i}u, params.K - 1u)` : `(k + ${i}u)`);
    const out: string[] = [];
    if (norm) out.push(`  let w = ${masked('weight[k / 4u]')};`);
    if (layout === 'tn') {
      for (const i of range(4)) {
        for (const j of this.rowGroups) {
          const load = `a[${at(i)} * (params.lda / 4u) + a${j}]`;
          const value = tail ? `select(vec4f(0.0), ${load}, k + ${i}u < params.K)` : load;
          out.push(`  let a${j}_${i} = ${value};`);
        }
      }
    } else {
      for (const r of this.rows) out.push(`  let v${r} = ${masked(`a[a${r} + k / 4u]`)};`);
      if (norm) {
        for (const i of this.rowGroups) {
          for (const x of XYZW) {
            const four = range(4).map((r) => `v${4 * i + r}.${x}`);
            out.push(`  squares${i} += vec4f(${four.map((v) => `${v} * ${v}`).join(', ')});`);
          }
        }
      }
    }
    if (layout === 'nt') {
      for (const n of range(this.blocking.columns)) {
        out.push(`  let u${n} = ${masked(`b[b${n} + k / 4u]`)}${norm ? ' * w' : ''};`);
      }
    }
    range(4).forEach((i) => {
      const x = XYZW[i] ?? 'x';
      for (const g of this.groups) {
        const columns =
          layout === 'nt'
            ? `vec4f(${range(4)
                .map((n) => `u${4 * g + n}.${x}`)
                .join(', ')})`
            : `b[${at(i)} * (params.ldb / 4u) + b${g}]`;
        out.push(`  let b${g}_${i} = ${columns};`);
      }
      for (const r of this.rows) {
        const value = layout === 'tn' ? `a${Math.floor(r / 4)}_${i}.${XYZW[r % 4]}` : `v${r}.${x}`;
        for (const g of this.groups) out.push(`  c${r}_${g} += ${value} * b${g}_${i};`);
      }
    });
    return out;
  }

  // ---- Through workgroup memory -----------------------------------------------------------------------------------

  /** Tiles of `step` k, stored [k][row / 4] and [k][column / 4], filled by all threads in turn. */
  tiled(step: number): string[] {
    const { across, down, rows, columns } = this.blocking;
    const [tileRows, tileColumns] = matmulTile(this.blocking, this.fusion);
    const threads = across * down;
    const rowsA = (down * rows) / 4;
    const rowsB = (across * columns) / 4;
    const { norm } = this.fusion;
    return [
      `var<workgroup> a_tile: array<vec4f, ${rowsA * step}>;`,
      `var<workgroup> b_tile: array<vec4f, ${rowsB * step}>;`,
      '',
      ...this.fill('a', rowsA, step),
      '',
      ...this.fill('b', rowsB, step),
      '',
      `@compute @workgroup_size(${threads})`,
      'fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {',
      `  let row4 = thread / ${across}u * ${rows / 4}u;`,
      `  let column4 = thread % ${across}u * ${columns / 4}u;`,
      ...this.declareSums(),
      `  for (var k0 = 0u; k0 < params.K; k0 += ${step}u) {`,
      `    fill_a(thread, group.y * ${tileRows}u, k0);`,
      `    fill_b(thread, group.x * ${tileColumns}u, k0);`,
      '    workgroupBarrier();',
      `    for (var k = 0u; k < ${step}u; k++) {`,
      ...this.rowGroups.map((i) => `      let v${i} = a_tile[k * ${rowsA}u + row4 + ${i}u];`),
      ...this.groups.map((g) => `      let u${g} = b_tile[k * ${rowsB}u + column4 + ${g}u];`),
      ...(norm ? this.rowGroups.map((i) => `      squares${i} += v${i} * v${i};`) : []),
      ...this.rows.flatMap((r) =>
        this.groups.map((g) => `      c${r}_${g} += v${Math.floor(r / 4)}.${XYZW[r % 4]} * u${g};`),
      ),
      '    }',
      '    workgroupBarrier();',
      '  }',
      `  let row = group.y * ${tileRows}u + row4 * 4u;`,
      `  let column = group.x * ${tileColumns}u + column4 * ${this.fusion.swiglu ? 2 : 4}u;`,
      ...this.finish(),
      '}',
    ];
  }

  /**
   * fn fill_a, fill_b: `per` groups of four rows (or columns) of the product, `step` k. Operands with k along their rows
   * are transposed in registers, four by four. Past K: 0. Rows past the end repeat the last; what they give is not stored.
   */
  private fill(operand: 'a' | 'b', per: number, step: number): string[] {
    const { across, down, columns } = this.blocking;
    const threads = across * down;
    const alongK = operand === 'a' ? this.layout !== 'tn' : this.layout === 'nt';
    const [ld, size] = operand === 'a' ? ['lda', 'M'] : ['ldb', 'N'];
    const swiglu = this.fusion.swiglu && operand === 'b';
    const scaled = this.fusion.norm && operand === 'b';
    const count = alongK ? (per * step) / 4 : per * step;
    // The first of four rows (or columns) of group i of the tile. With swiglu a thread's groups are gate, then up.
    const half = columns / 8;
    const first = swiglu
      ? [
          `    let within = group % ${2 * half}u;`,
          `    let place = first + (group / ${2 * half}u * ${half}u + within % ${half}u) * 4u;`,
          `    let up = select(0u, params.N, within >= ${half}u);`,
        ]
      : ['    let place = first + group * 4u;'];
    const row = (i: number): string => `${swiglu ? 'up + ' : ''}min(place + ${i}u, params.${size} - 1u)`;
    const body = alongK
      ? [
          `    let group = i / ${step / 4}u;`,
          `    let k = i % ${step / 4}u * 4u;`,
          ...first,
          '    let inside = vec4u(k0 + k) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.K);',
          '    let column = min(k0 + k, params.K - 1u) / 4u;',
          ...(scaled ? ['    let scale = weight[column];'] : []),
          '    let block = transpose(mat4x4f(',
          ...range(4).map(
            (r) =>
              `      select(vec4f(0.0), ${operand}[(${row(r)}) * (params.${ld} / 4u) + column]${scaled ? ' * scale' : ''}, inside)${r < 3 ? ',' : ''}`,
          ),
          '    ));',
          ...range(4).map((r) => `    ${operand}_tile[(k + ${r}u) * ${per}u + group] = block[${r}];`),
        ]
      : [
          `    let k = k0 + i / ${per}u;`,
          `    let place = first + i % ${per}u * 4u;`,
          `    let value = ${operand}[min(k, params.K - 1u) * (params.${ld} / 4u) + min(place, params.${size} - 1u) / 4u];`,
          `    ${operand}_tile[i] = select(vec4f(0.0), value, k < params.K);`,
        ];
    return [
      `fn fill_${operand}(thread: u32, first: u32, k0: u32) {`,
      `  for (var i = thread; i < ${count}u; i += ${threads}u) {`,
      ...body,
      '  }',
      '}',
    ];
  }
}
