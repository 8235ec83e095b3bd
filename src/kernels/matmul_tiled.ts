import { range, XYZW, type MatmulText } from './matmul_text';

/**
 * Tiles of `step` k in workgroup memory, stored [k][row / 4] and [k][column / 4], filled by all threads in turn; then main:
 * each element of the product is one chain of additions over ascending k.
 */
export function tiledMain(text: MatmulText, step: number): string[] {
  const { across, down, rows, columns } = text.blocking;
  const [tileRows, tileColumns] = text.tile;
  const rowsA = (down * rows) / 4;
  const rowsB = (across * columns) / 4;
  const { norm, swiglu } = text.fusion;
  return [
    `var<workgroup> a_tile: array<vec4f, ${rowsA * step}>;`,
    `var<workgroup> b_tile: array<vec4f, ${rowsB * step}>;`,
    '',
    ...fill(text, 'a', rowsA, step),
    '',
    ...fill(text, 'b', rowsB, step),
    '',
    `@compute @workgroup_size(${across * down})`,
    'fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {',
    `  let row4 = thread / ${across}u * ${rows / 4}u;`,
    `  let column4 = thread % ${across}u * ${columns / 4}u;`,
    ...text.declareSums(),
    ...(norm ? text.rowGroups.map((i) => `  var squares${i} = vec4f();`) : []),
    '  let end = min(params.K, (group.z + 1u) * params.slice);',
    `  for (var k0 = group.z * params.slice; k0 < end; k0 += ${step}u) {`,
    `    fill_a(thread, group.y * ${tileRows}u, k0);`,
    `    fill_b(thread, group.x * ${tileColumns}u, k0);`,
    '    workgroupBarrier();',
    `    for (var k = 0u; k < ${step}u; k++) {`,
    ...text.rowGroups.map((i) => `      let v${i} = a_tile[k * ${rowsA}u + row4 + ${i}u];`),
    ...text.groups.map((g) => `      let u${g} = b_tile[k * ${rowsB}u + column4 + ${g}u];`),
    ...(norm ? text.rowGroups.map((i) => `      squares${i} += v${i} * v${i};`) : []),
    ...text.rows.flatMap((r) =>
      text.groups.map((g) => `      c${r}_${g} += v${Math.floor(r / 4)}.${XYZW[r % 4]} * u${g};`),
    ),
    '    }',
    '    workgroupBarrier();',
    '  }',
    ...(norm
      ? text.rowGroups.map(
          (i) => `  let rstd${i} = inverseSqrt(squares${i} / f32(params.K) + vec4f(params.eps));`,
        )
      : []),
    `  let row = group.y * ${tileRows}u + row4 * 4u;`,
    `  let column = group.x * ${tileColumns}u + column4 * ${swiglu ? 2 : 4}u;`,
    ...text.finish((r) => `rstd${Math.floor(r / 4)}.${XYZW[r % 4]}`),
    '}',
  ];
}

/**
 * fn fill_a, fill_b: `per` groups of four rows (or columns) of the product, `step` k. Operands with k along their rows are
 * transposed in registers, four by four. Past K: 0. Rows past the end repeat the last; what they give is not stored.
 */
function fill(text: MatmulText, operand: 'a' | 'b', per: number, step: number): string[] {
  const { across, down } = text.blocking;
  const alongK = operand === 'a' ? text.layout !== 'tn' : text.layout === 'nt';
  const count = alongK ? (per * step) / 4 : per * step;
  return [
    `fn fill_${operand}(thread: u32, first: u32, k0: u32) {`,
    `  for (var i = thread; i < ${count}u; i += ${across * down}u) {`,
    ...(alongK ? transposed(text, operand, per, step) : straight(text, operand, per)),
    '  }',
    '}',
  ];
}

function straight(text: MatmulText, operand: 'a' | 'b', per: number): string[] {
  const size = operand === 'a' ? 'M' : 'N';
  const [row, four] = ['min(k, params.K - 1u)', `min(place, params.${size} - 1u) / 4u`];
  return [
    `    let k = k0 + i / ${per}u;`,
    `    let place = first + i % ${per}u * 4u;`,
    `    let value = ${value(text, operand, row, four)};`,
    `    ${operand}_tile[i] = select(vec4f(0.0), value, k < params.K);`,
  ];
}

/** Four values of a row of an operand, as WGSL. */
const value = (text: MatmulText, operand: 'a' | 'b', row: string, four: string): string =>
  operand === 'b'
    ? text.b(`${row} * ${text.elementOfB.stride}`, four)
    : `a[${row} * (params.lda / 4u) + ${four}]`;

function transposed(text: MatmulText, operand: 'a' | 'b', per: number, step: number): string[] {
  const size = operand === 'a' ? 'M' : 'N';
  const swiglu = text.fusion.swiglu && operand === 'b';
  const scaled = text.fusion.norm && operand === 'b';
  // With swiglu a thread's groups are gate, then up.
  const half = text.groups.length / 2;
  const load = (r: number): string => {
    const row = `(${swiglu ? 'up + ' : ''}min(place + ${r}u, params.${size} - 1u))`;
    const loaded = value(text, operand, row, 'column');
    return `      select(vec4f(0.0), ${loaded}${scaled ? ' * scale' : ''}, inside)`;
  };
  return [
    `    let group = i / ${step / 4}u;`,
    `    let k = i % ${step / 4}u * 4u;`,
    ...(swiglu
      ? [
          `    let within = group % ${2 * half}u;`,
          `    let place = first + (group / ${2 * half}u * ${half}u + within % ${half}u) * 4u;`,
          `    let up = select(0u, params.N, within >= ${half}u);`,
        ]
      : ['    let place = first + group * 4u;']),
    '    let inside = vec4u(k0 + k) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.K);',
    '    let column = min(k0 + k, params.K - 1u) / 4u;',
    ...(scaled ? ['    let scale = weight[column];'] : []),
    '    let block = transpose(mat4x4f(',
    range(4).map(load).join(',\n'),
    '    ));',
    ...range(4).map((r) => `    ${operand}_tile[(k + ${r}u) * ${per}u + group] = block[${r}];`),
  ];
}
