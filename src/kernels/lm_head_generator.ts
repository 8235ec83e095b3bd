import { SAMPLE, SCORE, type HeadText } from './lm_head_generator_kinds';
import { headConfigurations, type HeadConfiguration } from './lm_head_parts';
import type { Blocking } from './matmul_text';
import { STORED_ROWS, storedFour, storedLoad, storedStride, storedType } from './stored_load';
import type { VocabularyStorage } from './vocabulary';

/** What a head makes of its logits: softmax statistics and the target's logit, or draws of the next token. */
export type HeadKind = 'score' | 'sample';

const KINDS: Record<HeadKind, HeadText> = { score: SCORE, sample: SAMPLE };

/** Logits as the model has them. */
const CAPPED = [
  'override CAP: f32 = 0.0; // logits z are bent to CAP tanh(z / CAP), as in Gemma 2 (arXiv:2408.00118, section 2); 0: they are not',
  '',
  'fn capped(z: vec4f) -> vec4f {',
  '  if (CAP == 0.0) {',
  '    return z;',
  '  }',
  '  return CAP - 2.0 * CAP / (1.0 + exp(clamp(2.0 * z / CAP, vec4f(-80.0), vec4f(80.0))));',
  '}',
  '',
];

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const XYZW = ['x', 'y', 'z', 'w'] as const;

/**
 * Writes one LM head that stores no logits: the product of hidden states and vocabulary, block by block, each block taken
 * into what is kept of a row (src/kernels/lm_head_generator_kinds.ts). Each logit is one chain of additions over ascending k
 * and the parts of the vocabulary do not depend on the rows of a block: the blocking changes no token, rows no bit.
 * `storage`: how the head lies on the GPU.
 */
export function generateHead(
  kind: HeadKind,
  name: string,
  configuration: HeadConfiguration,
  storage: VocabularyStorage = 'f32',
): string {
  return new Writer(KINDS[kind], headConfigurations[configuration], storage).write(name).join('\n') + '\n';
}

class Writer {
  private readonly text: HeadText;
  private readonly blocking: Blocking;
  private readonly storage: VocabularyStorage;
  /** Of one thread: its rows, and its groups of four tokens. */
  private readonly rows: number[];
  private readonly groups: number[];

  constructor(text: HeadText, blocking: Blocking, storage: VocabularyStorage) {
    this.text = text;
    this.blocking = blocking;
    this.storage = storage;
    this.rows = range(blocking.rows);
    this.groups = range(blocking.columns / 4);
  }

  write(name: string): string[] {
    const { text, blocking, storage } = this;
    const { rows, columns, across, down, step, subgroup } = blocking;
    const { count } = text;
    const buffers = Object.entries(text.buffers);
    return [
      `// ${name}: ${text.formula[0] ?? ''}`,
      ...text.formula.slice(1).map((line) => `// ${line}`),
      '// Written by src/kernels/lm_head_generator.ts.',
      ...(subgroup === undefined ? [] : [`// For subgroups of ${subgroup} threads, no other size.`]),
      ...(storage === 'f32' ? [] : [`// Rows of weight are ${STORED_ROWS[storage]}.`]),
      '//',
      ...buffers.map(([buffer, { header }]) => `//   ${buffer.padEnd(9)}  ${header}`),
      '//',
      step === undefined
        ? `// Grid: (parts of these tokens/${across}, ${count}/${rows}), rounded up; a thread takes ${rows} rows through a part, ${columns} tokens at a time, ` +
          `in turn with ${across - 1} others.`
        : `// Grid: (parts of these tokens, ${count}/${down * rows}), rounded up; a workgroup takes ${down * rows} rows through a part, ${across * columns} tokens at a ` +
          `time, a thread ${rows}x${columns}.`,
      ...(subgroup === undefined ? [] : ['enable subgroups;', '']),
      `struct Params { ${Object.entries(text.params)
        .map(([field, type]) => `${field}: ${type}`)
        .join(', ')} }`,
      '',
      `struct Part { ${text.part} }`,
      '',
      ...buffers.map(
        ([buffer, { access, type }], i) =>
          `@group(0) @binding(${i}) var<storage, ${access}> ${buffer}: array<${buffer === 'weight' ? storedType(storage) : type}>;`,
      ),
      `@group(0) @binding(${buffers.length}) var<uniform> params: Params;`,
      '',
      'const OFFSETS = vec4u(0u, 1u, 2u, 3u);',
      ...CAPPED,
      'const LOWEST = -1e30; // finite: -inf minus -inf differs between adapters',
      "const FARTHEST = -80.0; // exp(-80) is 0 beside the maximum's 1",
      '',
      ...text.functions,
      '',
      ...storedLoad('weight', storage, 'params.C'),
      ...(step === undefined ? this.direct() : this.tiled(step)),
    ];
  }

  /** The thread's logits, every row's groups of four tokens. */
  private declareSums(): string[] {
    return this.rows.flatMap((r) => this.groups.map((g) => `    var z${r}_${g} = vec4f();`));
  }

  /** WGSL of `row` + r, or of the last row where there are no more: what rows past the end give is not kept. */
  private rowAt(r: string): string {
    return `min(row + ${r}, params.${this.text.count} - 1u)`;
  }

  // ---- Without workgroup memory -----------------------------------------------------------------------------------

  private direct(): string[] {
    const { across, columns, rows, subgroup } = this.blocking;
    const { count } = this.text;
    const groups = columns / 4;
    const sums = this.rows.flatMap((r) => this.groups.map((g) => `z${r}_${g}`));
    return [
      'fn store(row: u32, part: u32, run: Run) {',
      `  if (row < params.${count} && part < params.P) {`,
      `    partials[row * params.P + part] = ${this.text.made};`,
      ...this.text.aside.map((line) => `    ${line}`),
      '  }',
      '}',
      '',
      `@compute @workgroup_size(${across})`,
      `fn main(@builtin(workgroup_id) group: vec3u, @builtin(${subgroup ? 'subgroup_invocation_id' : 'local_invocation_index'}) lane: u32) {`,
      `  let part = params.first_token / params.width + group.x * ${across}u + lane;`,
      `  let row = group.y * ${rows}u;`,
      '  let length = params.C / 4u;',
      `  let stride = ${storedStride(this.storage, 'params.C')};`,
      ...this.loads().map((at, i) => `  let h${i} = ${this.rowAt(at)} * length;`),
      `  var runs: array<Run, ${rows}>;`,
      `  for (var r = 0u; r < ${rows}u; r++) {`,
      '    runs[r] = start();',
      '  }',
      `  let first = params.first_token + group.x * ${across}u * params.width;`,
      `  let end = min(first + ${across}u * params.width, params.V);`,
      '  // The same for all lanes, so that they may share.',
      `  for (var column0 = first; column0 < end; column0 += ${across * columns}u) {`,
      `    let column = column0 + lane * ${columns}u;`,
      ...range(columns).map(
        (n) => `    let w${n} = (min(column + ${n}u, params.V - 1u) - params.first_token) * stride;`,
      ),
      ...this.declareSums(),
      '    for (var k = 0u; k < length; k++) {',
      ...this.loads().map((_, i) => `      let v${i} = hidden[h${i} + k];`),
      ...this.rows.map((r) =>
        subgroup === undefined
          ? `      let a${r} = v${r};`
          : `      let a${r} = subgroupBroadcast(v${Math.floor(r / subgroup)}, ${r % subgroup}u);`,
      ),
      ...range(columns).map((n) => `      let b${n} = ${storedFour('weight', this.storage, `w${n}`, 'k')};`),
      ...XYZW.flatMap((x) =>
        this.groups.flatMap((g) => [
          `      let ${x}${g} = vec4f(${range(4)
            .map((n) => `b${4 * g + n}.${x}`)
            .join(', ')});`,
          ...this.rows.map((r) => `      z${r}_${g} += a${r}.${x} * ${x}${g};`),
        ]),
      ),
      '    }',
      '    // One copy of what follows, in a loop: unrolled, it is slower and takes seven times as long to compile on SwiftShader.',
      `    var logits = array<vec4f, ${rows * groups}>(${sums.join(', ')});`,
      `    for (var i = 0u; i < select(0u, ${rows * groups}u, column < params.V); i++) {`,
      `      let r = i / ${groups}u;`,
      `      let key = ${this.text.key(this.rowAt('r'))};`,
      `      runs[r] = take(runs[r], logits[i], key, column + i % ${groups}u * 4u);`,
      '    }',
      '  }',
      `  for (var r = 0u; r < ${rows}u; r++) {`,
      '    store(row + r, part, runs[r]);',
      '  }',
      '}',
    ];
  }

  /** Which rows a thread loads: its own, or, in a subgroup, every so many-th, the other lanes the others. */
  private loads(): string[] {
    const { rows, subgroup } = this.blocking;
    if (subgroup === undefined) return this.rows.map((r) => `${r}u`);
    return range(rows / subgroup).map((i) => `${i * subgroup}u + lane`);
  }

  // ---- Through workgroup memory -----------------------------------------------------------------------------------

  /** Tiles of `step` k, stored [k][row / 4] and [k][token / 4], filled by all threads in turn. */
  private tiled(step: number): string[] {
    const { across, down, rows, columns } = this.blocking;
    const { count } = this.text;
    const [fourRows, fourTokens] = [(down * rows) / 4, (across * columns) / 4];
    const threads = across * down;
    const four = (r: number): string =>
      rows < 4
        ? `hidden_tile[k * ${fourRows}u + (local_row + ${r}u) / 4u][(local_row + ${r}u) % 4u]`
        : `a${Math.floor(r / 4)}.${XYZW[r % 4]}`;
    return [
      `var<workgroup> hidden_tile: array<vec4f, ${fourRows * step}>;`,
      `var<workgroup> weight_tile: array<vec4f, ${fourTokens * step}>;`,
      `var<workgroup> parts: array<Part, ${threads}>;`,
      '',
      ...this.fill('hidden', fourRows, step, count),
      '',
      ...this.fill('weight', fourTokens, step, 'V'),
      '',
      ...this.text.merge,
      '',
      '// Every thread brings what it knows of a row; one a row merges, tokens of ascending blocks, and stores.',
      'fn finish(thread: u32, row: u32, part: u32, run: Run) {',
      `  parts[thread] = ${this.text.made};`,
      ...(this.text.aside.length
        ? [`  if (row < params.${count}) {`, ...this.text.aside.map((line) => `    ${line}`), '  }']
        : []),
      '  workgroupBarrier();',
      `  if (thread % ${across}u == 0u && row < params.${count}) {`,
      '    var all = parts[thread];',
      `    for (var i = thread + 1u; i < thread + ${across}u; i++) {`,
      '      all = merge(all, parts[i]);',
      '    }',
      '    partials[row * params.P + part] = all;',
      '  }',
      '  workgroupBarrier();',
      '}',
      '',
      `@compute @workgroup_size(${threads})`,
      'fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {',
      '  let part = params.first_token / params.width + group.x;',
      `  let local_row = thread / ${across}u * ${rows}u;`,
      `  let row = group.y * ${down * rows}u + local_row;`,
      `  let column4 = thread % ${across}u * ${columns / 4}u;`,
      ...this.rows.map((r) => `  let key${r} = ${this.text.key(this.rowAt(`${r}u`))};`),
      ...this.rows.map((r) => `  var run${r} = start();`),
      '  let end = min((part + 1u) * params.width, params.V);',
      `  for (var token0 = part * params.width; token0 < end; token0 += ${across * columns}u) {`,
      ...this.declareSums(),
      `    for (var k0 = 0u; k0 < params.C; k0 += ${step}u) {`,
      `      fill_hidden(thread, group.y * ${down * rows}u, k0);`,
      '      fill_weight(thread, token0, k0);',
      '      workgroupBarrier();',
      `      for (var k = 0u; k < ${step}u; k++) {`,
      ...(rows < 4
        ? []
        : range(rows / 4).map(
            (i) => `        let a${i} = hidden_tile[k * ${fourRows}u + local_row / 4u + ${i}u];`,
          )),
      ...this.groups.map((g) => `        let b${g} = weight_tile[k * ${fourTokens}u + column4 + ${g}u];`),
      ...this.rows.flatMap((r) => this.groups.map((g) => `        z${r}_${g} += ${four(r)} * b${g};`)),
      '      }',
      '      workgroupBarrier();',
      '    }',
      '    let column = token0 + column4 * 4u;',
      '    if (column < params.V) {',
      ...this.rows.flatMap((r) =>
        this.groups.map((g) => `      run${r} = take(run${r}, z${r}_${g}, key${r}, column + ${4 * g}u);`),
      ),
      '    }',
      '  }',
      ...this.rows.map((r) => `  finish(thread, row + ${r}u, part, run${r});`),
      '}',
    ];
  }

  /** fn fill_…: groups of four rows, `step` k, transposed in registers. Past C: 0. Rows past the end repeat the last. */
  private fill(operand: string, groups: number, step: number, count: string): string[] {
    const { across, down } = this.blocking;
    const last = (r: number): string => `min(place + ${r}u, params.${count} - 1u)`;
    const stride = storedStride(this.storage, 'params.C');
    const four = (r: number): string =>
      operand === 'weight'
        ? storedFour('weight', this.storage, `(${last(r)} - params.first_token) * (${stride})`, 'at')
        : `${operand}[${last(r)} * (params.C / 4u) + at]`;
    return [
      `fn fill_${operand}(thread: u32, first: u32, k0: u32) {`,
      `  for (var i = thread; i < ${(groups * step) / 4}u; i += ${across * down}u) {`,
      `    let place = first + i / ${step / 4}u * 4u;`,
      `    let k = i % ${step / 4}u * 4u;`,
      '    let inside = k0 + k < params.C;',
      '    let at = min(k0 + k, params.C - 4u) / 4u;',
      '    let block = transpose(mat4x4f(',
      ...range(4).map((r) => `      select(vec4f(0.0), ${four(r)}, inside)${r < 3 ? ',' : ''}`),
      '    ));',
      ...range(4).map(
        (r) => `    ${operand}_tile[(k + ${r}u) * ${groups}u + i / ${step / 4}u] = block[${r}];`,
      ),
      '  }',
      '}',
    ];
  }
}
