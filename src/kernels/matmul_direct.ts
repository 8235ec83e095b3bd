import { range, XYZW, type MatmulText } from './matmul_text';

/**
 * main of a kernel without workgroup memory. Four k at a time, a row of the thread's block gains W s: s the row's four
 * values of a, W (4 columns × 4 k) of b. All loads are vec4: nt and nn read four k of a row of a, tn four rows of one k; nt
 * reads four k of a column of b, nn and tn four columns of one k. In a subgroup each lane loads other values of a, and all
 * take them by broadcast. Past K the values of a (nt: and b) are 0; rows and columns past the end repeat the last, and what
 * they give is not stored.
 */
export function directMain(text: MatmulText): string[] {
  const { subgroup, across, down, rows, unroll = 1 } = text.blocking;
  const [tileRows, tileColumns] = text.tile;
  const lane = subgroup === undefined ? 'local.x' : 'lane';
  return [
    `@compute @workgroup_size(${across}, ${down})`,
    'fn main(',
    '  @builtin(workgroup_id) group: vec3u,',
    subgroup === undefined
      ? '  @builtin(local_invocation_id) local: vec3u,'
      : '  @builtin(subgroup_invocation_id) lane: u32,',
    ') {',
    `  let row = group.y * ${tileRows}u${down > 1 ? ` + local.y * ${rows}u` : ''};`,
    `  let column = (group.x * ${across}u + ${lane}) * ${tileColumns / across}u;`,
    '  let last = (max(params.K, 1u) - 1u) / 4u;',
    '  let end = min(params.K, (group.z + 1u) * params.slice);',
    ...starts(text),
    ...text.declareSums(),
    ...(text.fusion.norm ? squareNames(text).map((name) => `  var ${name} = 0.0;`) : []),
    `  for (var turn = group.z * params.slice; turn < end; turn += ${4 * unroll}u) {`,
    ...range(unroll).flatMap((u) => step(text, u)),
    '  }',
    ...rstds(text),
    ...text.finish((r) => `r${r}`),
    '}',
  ];
}

/** Loads of a for four k: one a row (tn: one a group of rows and k), or, in a subgroup, one for as many as it has lanes. */
const loadsOfA = ({ blocking: { rows, subgroup = 1 } }: MatmulText): number => rows / subgroup;

/** Where rows of a and columns of b begin, in vec4. */
function starts(text: MatmulText): string[] {
  const { layout, blocking } = text;
  const { subgroup = 1 } = blocking;
  const row = (r: number): string => `min(row + ${r}u${subgroup > 1 ? ' + lane' : ''}, params.M - 1u)`;
  const a =
    layout === 'tn'
      ? range(loadsOfA(text)).map(
          (i) => `  let a${i} = min(row + ${place(text, i).rows}, params.M - 1u) / 4u;`,
        )
      : range(loadsOfA(text)).map((i) => `  let a${i} = ${row(i * subgroup)} * (params.lda / 4u);`);
  const b =
    layout === 'nt'
      ? range(blocking.columns).map((n) => `  let b${n} = ${rowOfB(text, n)} * ${text.elementOfB.stride};`)
      : text.groups.map((g) => `  let b${g} = min(column + ${4 * g}u, params.N - 1u) / 4u;`);
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
  if (fusion.swiglu && n >= half) return `(params.N + min(column + ${n - half}u, params.N - 1u))`;
  return `min(column + ${n}u, params.N - 1u)`;
}

/** Names of the sums of squares: of each row, or, in a subgroup, of each lane's own rows. */
const squareNames = (text: MatmulText): string[] => range(loadsOfA(text)).map((i) => `squares${i}`);

/** Four k, number u of a turn. */
function step(text: MatmulText, u: number): string[] {
  const { layout, blocking, fusion } = text;
  const out: string[] = ['    {', `      let k = turn + ${4 * u}u;`];
  const add = (line: string): number => out.push('      ' + line);
  add('let inside = vec4u(k) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.K);');
  if (layout !== 'tn') add('let at = min(k / 4u, last);');
  const rowOfK = (k: string): string => `min(k + ${k}, max(params.K, 1u) - 1u)`;

  range(loadsOfA(text)).forEach((i) => {
    if (layout !== 'tn') add(`let v${i} = select(vec4f(0.0), a[a${i} + at], inside);`);
    else {
      const { k } = place(text, i);
      add(
        `let v${i} = select(vec4f(0.0), a[${rowOfK(k)} * (params.lda / 4u) + a${i}], k + ${k} < params.K);`,
      );
    }
  });
  if (fusion.norm) {
    squareNames(text).forEach((name, i) => add(`${name} += dot(v${i}, v${i});`));
    add('let scale = weight[at];');
  }

  if (layout === 'nt') {
    range(blocking.columns).forEach((n) => {
      add(
        `let u${n} = select(vec4f(0.0), ${text.b(`b${n}`, 'at')}${fusion.norm ? ' * scale' : ''}, inside);`,
      );
    });
    text.groups.forEach((g) => {
      const ofK = XYZW.map(
        (x) =>
          `vec4f(${range(4)
            .map((n) => `u${4 * g + n}.${x}`)
            .join(', ')})`,
      );
      add(`let w${g} = mat4x4f(${ofK.join(', ')});`);
    });
  } else {
    text.groups.forEach((g) => {
      const ofK = range(4).map((i) => text.b(`${rowOfK(`${i}u`)} * ${text.elementOfB.stride}`, `b${g}`));
      add(`let w${g} = mat4x4f(${ofK.join(', ')});`);
    });
  }

  text.rowGroups.forEach((j) => {
    if (layout === 'tn') {
      range(4).forEach((k) => add(`let t${j}_${k} = ${shared(text, k * text.rowGroups.length + j)};`));
    }
    range(4).forEach((x) => {
      const r = 4 * j + x;
      if (layout === 'tn')
        add(
          `let s${r} = vec4f(${range(4)
            .map((k) => `t${j}_${k}.${XYZW[x]}`)
            .join(', ')});`,
        );
      else add(`let s${r} = ${shared(text, r)};`);
      text.groups.forEach((g) => add(`c${r}_${g} += w${g} * s${r};`));
    });
  });
  out.push('    }');
  return out;
}

/** Load number `index` of a, wherever it lies: in the thread's own registers or in a lane of the subgroup. */
function shared({ blocking: { subgroup } }: MatmulText, index: number): string {
  if (subgroup === undefined) return `v${index}`;
  return `subgroupBroadcast(v${Math.floor(index / subgroup)}, ${index % subgroup}u)`;
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
        : `  let r${r} = subgroupBroadcast(own${Math.floor(r / subgroup)}, ${r % subgroup}u);`,
    ),
  ];
}
