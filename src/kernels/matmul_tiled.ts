import { range, XYZW, type MatmulText } from './matmul_text';

/**
 * Tiles of `step` k in workgroup memory, stored [k][row / 4] and [k][column / 4], filled by all threads in turn; then main:
 * each element of the product is one chain of additions over ascending k.
 */
export function tiledMain(text: MatmulText, step: number): string[] {
  const { across, down, rows, columns } = text.blocking;
  const [tileRows, tileColumns] = text.tile;
  const [rowsA, rowsB] = tileSizes(text);
  const { norm, adapter, gated } = text.fusion;
  return [
    `var<workgroup> a_tile: array<vec4f, ${rowsA * step}>;`,
    `var<workgroup> b_tile: array<vec4f, ${rowsB * step}>;`,
    '',
    ...(adapter ? [PRODUCT, ADAPTER] : [PRODUCT]).flatMap(({ a, b }) => [
      ...fill(text, a, rowsA, step),
      '',
      ...fill(text, b, rowsB, step),
      '',
    ]),
    `@compute @workgroup_size(${across * down})`,
    'fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {',
    `  let row4 = thread / ${across}u * ${rows / 4}u;`,
    `  let column4 = thread % ${across}u * ${columns / 4}u;`,
    ...text.declareSums(),
    ...(norm ? text.rowGroups.map((i) => `  var squares${i} = vec4f();`) : []),
    '  let end = min(params.K, (group.z + 1u) * params.slice);',
    ...loop(text, PRODUCT, step, 'group.z * params.slice', 'end'),
    ...(norm
      ? text.rowGroups.map(
          (i) => `  let rstd${i} = inverseSqrt(squares${i} / f32(params.K) + vec4f(params.eps));`,
        )
      : []),
    ...text.scaleSums((r) => `rstd${Math.floor(r / 4)}.${XYZW[r % 4]}`),
    ...(adapter ? loop(text, ADAPTER, step, '0u', 'params.R') : []),
    `  let row = group.y * ${tileRows}u + row4 * 4u;`,
    `  let column = group.x * ${tileColumns}u + column4 * ${gated ? 2 : 4}u;`,
    ...text.finish(),
    '}',
  ];
}

/** What goes through a tile: rows of the product or columns of it (`tile`), along k or not, and how four values are read. */
interface Operand {
  binding: string;
  tile: 'a' | 'b';
  K: string;
  /** Whether the rows of the binding run along k. */
  alongK: (text: MatmulText) => boolean;
  value: (text: MatmulText, row: string, four: string) => string;
  /** Whether a norm's weight belongs to it. */
  isScaled: boolean;
}

const operand = (binding: string, tile: 'a' | 'b', rest: Partial<Operand>): Operand => ({
  binding,
  tile,
  K: 'params.K',
  alongK: () => true,
  value: (_, row, four) => `${binding}[${row} * (params.R / 4u) + ${four}]`,
  isScaled: false,
  ...rest,
});

const PRODUCT = {
  a: operand('a', 'a', {
    alongK: ({ layout }) => layout !== 'tn',
    value: (_, row, four) => `a[${row} * (params.lda / 4u) + ${four}]`,
  }),
  b: operand('b', 'b', {
    alongK: ({ layout }) => layout === 'nt',
    value: (text, row, four) => text.b(`${row} * ${text.elementOfB.stride}`, four),
    isScaled: true,
  }),
};
const ADAPTER = { a: operand('low', 'a', { K: 'params.R' }), b: operand('high', 'b', { K: 'params.R' }) };

/** The sums gain the product of two operands over k from `start` to `end`; with a norm, sums of squares grow beside the first. */
function loop(
  text: MatmulText,
  { a, b }: typeof PRODUCT,
  step: number,
  start: string,
  end: string,
): string[] {
  const [tileRows, tileColumns] = text.tile;
  const [rowsA, rowsB] = tileSizes(text);
  const isNormed = text.fusion.norm && b.isScaled;
  return [
    `  for (var k0 = ${start}; k0 < ${end}; k0 += ${step}u) {`,
    `    fill_${a.binding}(thread, group.y * ${tileRows}u, k0);`,
    `    fill_${b.binding}(thread, group.x * ${tileColumns}u, k0);`,
    '    workgroupBarrier();',
    `    for (var k = 0u; k < ${step}u; k++) {`,
    ...text.rowGroups.map((i) => `      let v${i} = a_tile[k * ${rowsA}u + row4 + ${i}u];`),
    ...text.groups.map((g) => `      let u${g} = b_tile[k * ${rowsB}u + column4 + ${g}u];`),
    ...(isNormed ? text.rowGroups.map((i) => `      squares${i} += v${i} * v${i};`) : []),
    ...text.rows.flatMap((r) =>
      text.groups.map((g) => `      c${r}_${g} += v${Math.floor(r / 4)}.${XYZW[r % 4]} * u${g};`),
    ),
    '    }',
    '    workgroupBarrier();',
    '  }',
  ];
}

/** Groups of four rows, and of four columns, of a tile. */
const tileSizes = ({ blocking: { across, down, rows, columns } }: MatmulText): [number, number] => [
  (down * rows) / 4,
  (across * columns) / 4,
];

/**
 * fn fill_<binding>: `per` groups of four rows (or columns) of the product, `step` k. Operands with k along their rows are
 * transposed in registers, four by four. Past K: 0. Rows past the end repeat the last; what they give is not stored.
 */
function fill(text: MatmulText, operand: Operand, per: number, step: number): string[] {
  const { across, down } = text.blocking;
  const alongK = operand.alongK(text);
  const count = alongK ? (per * step) / 4 : per * step;
  return [
    `fn fill_${operand.binding}(thread: u32, first: u32, k0: u32) {`,
    `  for (var i = thread; i < ${count}u; i += ${across * down}u) {`,
    ...(alongK ? transposed(text, operand, per, step) : straight(text, operand, per)),
    '  }',
    '}',
  ];
}

function straight(text: MatmulText, { tile, K, value }: Operand, per: number): string[] {
  const size = tile === 'a' ? 'M' : 'N';
  const [row, four] = [`min(k, ${K} - 1u)`, `min(place, params.${size} - 1u) / 4u`];
  return [
    `    let k = k0 + i / ${per}u;`,
    `    let place = first + i % ${per}u * 4u;`,
    `    let value = ${value(text, row, four)};`,
    `    ${tile}_tile[i] = select(vec4f(0.0), value, k < ${K});`,
  ];
}

function transposed(
  text: MatmulText,
  { tile, K, value, isScaled }: Operand,
  per: number,
  step: number,
): string[] {
  const size = tile === 'a' ? 'M' : 'N';
  const gated = text.fusion.gated && tile === 'b';
  const scaled = text.fusion.norm && isScaled;
  // With a gate a thread's groups are gate, then up.
  const half = text.groups.length / 2;
  const load = (r: number): string => {
    const row = `(${gated ? 'up + ' : ''}min(place + ${r}u, params.${size} - 1u))`;
    const loaded = value(text, row, 'column');
    return `      select(vec4f(0.0), ${loaded}${scaled ? ' * scale' : ''}, inside)`;
  };
  return [
    `    let group = i / ${step / 4}u;`,
    `    let k = i % ${step / 4}u * 4u;`,
    ...(gated
      ? [
          `    let within = group % ${2 * half}u;`,
          `    let place = first + (group / ${2 * half}u * ${half}u + within % ${half}u) * 4u;`,
          `    let up = select(0u, params.N, within >= ${half}u);`,
        ]
      : ['    let place = first + group * 4u;']),
    `    let inside = vec4u(k0 + k) + vec4u(0u, 1u, 2u, 3u) < vec4u(${K});`,
    `    let column = min(k0 + k, ${K} - 1u) / 4u;`,
    ...(scaled ? ['    let scale = weight[column] + params.offset;'] : []),
    '    let block = transpose(mat4x4f(',
    range(4).map(load).join(',\n'),
    '    ));',
    ...range(4).map((r) => `    ${tile}_tile[(k + ${r}u) * ${per}u + group] = block[${r}];`),
  ];
}
