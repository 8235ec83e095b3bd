import { range, XYZW, type MatmulText } from './matmul_text';

/**
 * main of a kernel without workgroup memory. Four k at a time, a row of the thread's block gains W s: s the row's four
 * values of a, W (4 columns × 4 k) of b. All loads are vec4: nt and nn read four k of a row of a, tn four rows of one k; nt
 * reads four k of a column of b, nn and tn four columns of one k. In a subgroup each lane loads other values of a, and all
 * take them by broadcast or swaps. Past K the values of a (nt: and b) are 0; rows and columns past the end repeat the last, and what
 * they give is not stored.
 */
export function directMain(text: MatmulText): string[] {
  const { subgroup, across, down, rows, dots = 1 } = text.blocking;
  const [tileRows, tileColumns] = text.tile;
  const lane = subgroup === undefined ? 'local.x' : 'lane';
  return [
    'const ALL = 0xffffffffu;',
    '',
    '// value where the mask has all bits, 0 where it has none; cheaper than select on SwiftShader.',
    'fn keep(value: vec4f, mask: vec4u) -> vec4f {',
    '  return bitcast<vec4f>(bitcast<vec4u>(value) & mask);',
    '}',
    '',
    `@compute @workgroup_size(${across}, ${down})`,
    'fn main(',
    '  @builtin(workgroup_id) group: vec3u,',
    subgroup === undefined
      ? '  @builtin(local_invocation_id) local: vec3u,'
      : '  @builtin(subgroup_invocation_id) lane: u32,',
    ') {',
    `  let row = group.y * ${tileRows}u${down > 1 ? ` + local.y * ${rows}u` : ''};`,
    `  let column = (group.x * ${across}u + ${lane}) * ${tileColumns / across}u;`,
    '  let K = params.K;',
    '  let last = max(K, 1u) - 1u;',
    '  let end = min(K, (group.z + 1u) * params.slice);',
    '  let stride_a = params.lda / 4u;',
    `  let stride_b = ${text.elementOfB.stride};`,
    '  let last_row = params.M - 1u;',
    '  let last_column = params.N - 1u;',
    ...(text.fusion.norm ? ['  let offset = params.offset;'] : []),
    ...starts(text),
    ...text.declareSums(),
    ...(text.fusion.norm ? squareNames(text).map((name) => `  var ${name} = 0.0;`) : []),
    `  for (var turn = group.z * params.slice; turn < end; turn += ${4 * dots}u) {`,
    ...turn(text, PRODUCT, dots).map((line) => '    ' + line),
    '  }',
    ...rstds(text),
    ...text.scaleSums((r) => `r${r}`),
    ...(text.fusion.adapter ? adapter(text) : []),
    ...text.finish(),
    '}',
  ];
}

/** Two operands whose product is summed, by the names of their bindings. */
interface Operands {
  a: string;
  b: (text: MatmulText, row: string, four: string) => string;
  /** Whether k ends anywhere: then what lies past it is masked. */
  isRagged: boolean;
}

const PRODUCT: Operands = { a: 'a', b: (text, row, four) => text.b(row, four), isRagged: true };
const ADAPTER: Operands = { a: 'low', b: (_, row, four) => `high[${row} + ${four}]`, isRagged: false };

/** The sums gain low highᵀ, four k a turn; names are as in the loop before it, in a scope of their own. */
function adapter(text: MatmulText): string[] {
  return [
    '  {',
    '    let K = params.R;',
    '    let stride_a = K / 4u;',
    '    let stride_b = K / 4u;',
    ...starts(text).map((line) => '  ' + line),
    '    for (var turn = 0u; turn < K; turn += 4u) {',
    ...turn(text, ADAPTER, 1).map((line) => '      ' + line),
    '    }',
    '  }',
  ];
}

/** One turn of a loop over k, `fours` fours of it. */
const turn = (text: MatmulText, operands: Operands, fours: number): string[] =>
  text.blocking.dots === undefined ? products(text, operands) : quadProducts(text, operands, fours);

/** Loads of a for four k: one a row (tn: one a group of rows and k), or, in a subgroup, one for as many as it has lanes. */
const loadsOfA = ({ blocking: { rows, subgroup = 1 } }: MatmulText): number => rows / subgroup;

/** Where rows of a and columns of b begin, in vec4. */
function starts(text: MatmulText): string[] {
  const { layout, blocking } = text;
  const { subgroup = 1 } = blocking;
  const row = (r: number): string => `min(row + ${r}u${subgroup > 1 ? ' + lane' : ''}, last_row)`;
  const a =
    layout === 'tn'
      ? range(loadsOfA(text)).map((i) => `  let a${i} = min(row + ${place(text, i).rows}, last_row) / 4u;`)
      : range(loadsOfA(text)).map((i) => `  let a${i} = ${row(i * subgroup)} * stride_a;`);
  const b =
    layout === 'nt'
      ? range(blocking.columns).map((n) => `  let b${n} = ${rowOfB(text, n)} * stride_b;`)
      : text.groups.map((g) => `  let b${g} = min(column + ${4 * g}u, last_column) / 4u;`);
  return [...a, ...b];
}

/** tn: which k and which four rows load i of a is, as WGSL; of the four k by rows/4 groups, a subgroup takes its lanes' worth. */
function place(text: MatmulText, i: number): { k: string; rows: string } {
  const { rows, subgroup = 1 } = text.blocking;
  const perK = rows / 4;
  const first = i * subgroup;
  if (subgroup === 1) return { k: `${Math.floor(first / perK)}u`, rows: `${(first % perK) * 4}u` };
  if (perK >= subgroup) {
    return { k: `${Math.floor(first / perK)}u`, rows: `(${first % perK}u + lane) * 4u` };
  }
  return { k: `(${first / perK}u + lane / ${perK}u)`, rows: `lane % ${perK}u * 4u` };
}

function rowOfB({ fusion, blocking }: MatmulText, n: number): string {
  const half = blocking.columns / 2;
  if (fusion.gated && n >= half) return `(params.N + min(column + ${n - half}u, last_column))`;
  return `min(column + ${n}u, last_column)`;
}

/** Names of the sums of squares: of each row, or, in a subgroup, of each lane's own rows. */
const squareNames = (text: MatmulText): string[] => range(loadsOfA(text)).map((i) => `squares${i}`);

/** One turn of the loop: four k, W s for every row and group of four columns. */
function products(text: MatmulText, operands: Operands): string[] {
  const matrix = (g: number): string[] => {
    const values = text.layout === 'nt' ? transposed(range(4).map((i) => `u${4 * g + i}_0`)) : rowNames(g, 0);
    const loads =
      text.layout === 'nt'
        ? range(4).map((i) => `let u${4 * g + i}_0 = ${fourOfB(text, operands, 4 * g + i, 0)};`)
        : rowsOfB(text, g, 0);
    return [...loads, `let w${g} = mat4x4f(${values.join(', ')});`];
  };
  const four = (j: number): string[] =>
    range(4).flatMap((x) => text.groups.map((g) => `c${4 * j + x}_${g} += w${g} * s${4 * j + x}_0;`));
  return [
    ...loadA(text, operands, 0),
    ...text.groups.flatMap(matrix),
    ...text.rowGroups.flatMap((j) => [...rowsOfA(text, j), ...four(j)]),
  ];
}

/**
 * One turn of the loop in a quad: `count` fours of k, rows of a first, then b column by column, so that few of its values wait
 * for use. All in scalars by name: SwiftShader copies a component at each use of a vector. It also copies the first factor of
 * a product, and keeps the second in a register: b's value, which every row takes.
 */
function quadProducts(text: MatmulText, operands: Operands, count: number): string[] {
  const fours = range(count);
  const column = (n: number): string[] => {
    const terms = (r: number): string[] =>
      fours.flatMap((f) => range(4).map((k) => `s${r}_${f}_${k} * u${n}_${f}_${k}`));
    return [
      ...fours.flatMap((f) => columnOfB(text, operands, n, f)),
      ...text.rows.map((r) => `c${r}_${n} += ${terms(r).join(' + ')};`),
    ];
  };
  return [
    ...fours.flatMap((f) => [...loadA(text, operands, f), ...text.rows.flatMap((r) => rowOfA(text, r, f))]),
    ...text.groups.flatMap((g) => [
      ...(text.layout === 'nt' ? [] : fours.flatMap((f) => rowsOfB(text, g, f))),
      ...range(4).flatMap((i) => column(4 * g + i)),
    ]),
  ];
}

const vector = (values: string[]): string => `vec4f(${values.join(', ')})`;

/** Of four vectors their x, their y, their z, their w. */
const transposed = (vectors: string[]): string[] =>
  XYZW.map((component) => vector(vectors.map((name) => `${name}.${component}`)));

const rowOfK = (k: string): string => `min(${k}, last)`;

/** All bits for each of four k that is below K. */
const insideK = (f: number): string =>
  `select(vec4u(0u), vec4u(ALL), vec4u(k${f}) + vec4u(0u, 1u, 2u, 3u) < vec4u(K))`;

/** Where four number f of a turn's k lies, and this thread's loads of a for it: v0_f, v1_f … Sums of squares grow. */
function loadA(text: MatmulText, { a, isRagged }: Operands, f: number): string[] {
  const { layout, fusion } = text;
  if (!isRagged) {
    const loads = range(loadsOfA(text)).map((i) => `let v${i}_${f} = ${a}[a${i} + at${f}];`);
    return [`let at${f} = (turn + ${4 * f}u) / 4u;`, ...loads];
  }
  const load = (i: number): string => {
    if (layout !== 'tn') return `let v${i}_${f} = keep(${a}[a${i} + at${f}], inside${f});`;
    const k = `(k${f} + ${place(text, i).k})`;
    const mask = `vec4u(select(0u, ALL, ${k} < K))`;
    return `let v${i}_${f} = keep(${a}[${rowOfK(k)} * stride_a + a${i}], ${mask});`;
  };
  return [
    `let k${f} = turn + ${4 * f}u;`,
    ...(layout === 'tn' ? [] : [`let at${f} = min(k${f}, last) / 4u;`]),
    ...(layout !== 'tn' ? [`let inside${f} = ${insideK(f)};`] : []),
    ...range(loadsOfA(text)).map(load),
    ...(fusion.norm ? [`let scale${f} = weight[at${f}] + offset;`] : []),
    ...(fusion.norm ? squareNames(text).map((name, i) => `${name} += dot(v${i}_${f}, v${i}_${f});`) : []),
  ];
}

/** sN_0: four k of each of four rows of a. */
function rowsOfA(text: MatmulText, j: number): string[] {
  const four = range(4);
  if (text.layout !== 'tn') return four.map((x) => `let s${4 * j + x}_0 = ${shared(text, 4 * j + x, 0)};`);
  const values = transposed(four.map((k) => `t${j}_${k}`));
  return [
    ...four.map((k) => `let t${j}_${k} = ${shared(text, k * text.rowGroups.length + j, 0)};`),
    ...values.map((value, x) => `let s${4 * j + x}_0 = ${value};`),
  ];
}

/** sN_f_k: four k of a row of a. */
const rowOfA = (text: MatmulText, r: number, f: number): string[] =>
  range(4).map((k) => {
    const [load, part] =
      text.layout === 'tn' ? [k * text.rowGroups.length + Math.floor(r / 4), r % 4] : [r, k];
    return `let s${r}_${f}_${k} = ${shared(text, load, f, `.${XYZW[part]}`)};`;
  });

/** uN_f_k: four k of a column of the product; nn and tn: out of the group's four rows. */
function columnOfB(text: MatmulText, operands: Operands, n: number, f: number): string[] {
  const named = (value: (k: number) => string): string[] =>
    range(4).map((k) => `let u${n}_${f}_${k} = ${value(k)};`);
  if (text.layout !== 'nt') return named((k) => `${rowNames(Math.floor(n / 4), f)[k]}.${XYZW[n % 4]}`);
  return [`let u${n}_${f} = ${fourOfB(text, operands, n, f)};`, ...named((k) => `u${n}_${f}.${XYZW[k]}`)];
}

/** nt: four k of a column of the product. In a quad the mask is made anew: kept, it holds registers that the sums need more. */
function fourOfB(text: MatmulText, { b, isRagged }: Operands, n: number, f: number): string {
  const value = b(text, `b${n}`, `at${f}`);
  if (!isRagged) return value;
  const scale = text.fusion.norm ? ` * scale${f}` : '';
  return `keep(${value}${scale}, ${text.blocking.dots ? insideK(f) : `inside${f}`})`;
}

const rowNames = (g: number, f: number): string[] => range(4).map((i) => `w${g}_${i}_${f}`);

/** nn, tn: four columns of b at each of four k. */
const rowsOfB = (text: MatmulText, g: number, f: number): string[] =>
  rowNames(g, f).map(
    (name, i) => `let ${name} = ${text.b(`${rowOfK(`k${f} + ${i}u`)} * stride_b`, `b${g}`)};`,
  );

/** Load number `index` of a, or a part of it, wherever it lies: in the thread's own registers or in a lane of the subgroup. */
function shared(text: MatmulText, index: number, f: number, part = ''): string {
  const { subgroup } = text.blocking;
  if (subgroup === undefined) return `v${index}_${f}${part}`;
  return passed(text, `v${Math.floor(index / subgroup)}_${f}${part}`, index % subgroup, subgroup);
}

const SWAPS = ['', 'quadSwapX', 'quadSwapY', 'quadSwapDiagonal'] as const;

/**
 * A lane's value for all lanes; with swaps: for each the value of the lane that its own number and `lane` differ by. Of the
 * ways to say the first, each size has the one that a software adapter with such subgroups compiles to the least code.
 */
function passed(text: MatmulText, value: string, lane: number, subgroup: number): string {
  if (text.swaps) return lane === 0 ? value : `${SWAPS[lane]}(${value})`;
  return `${subgroup === 4 ? 'quadBroadcast' : 'subgroupShuffle'}(${value}, ${lane}u)`;
}

/** 1 / sqrt(mean of squares + eps) of every row, as r0, r1 … */
function rstds(text: MatmulText): string[] {
  if (!text.fusion.norm) return [];
  const { subgroup } = text.blocking;
  return [
    ...squareNames(text).map(
      (name, i) => `  let own${i} = inverseSqrt(${name} / f32(params.K) + params.eps);`,
    ),
    ...text.rows.map((r) =>
      subgroup === undefined
        ? `  let r${r} = own${r};`
        : `  let r${r} = ${passed(text, `own${Math.floor(r / subgroup)}`, r % subgroup, subgroup)};`,
    ),
  ];
}
