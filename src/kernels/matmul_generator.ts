import { defineKernel, type Access, type Kernel } from '../gpu/kernel';
import type { MatmulLayout } from './matmul';
import { directMain } from './matmul_direct';
import { canAccumulate, MatmulText, PLAIN, type Blocking, type MatmulFusion } from './matmul_text';
import { tiledMain } from './matmul_tiled';
import { STORED_ROWS } from './stored_load';

const PARAMS = {
  M: 'u32',
  N: 'u32',
  K: 'u32',
  lda: 'u32',
  ldb: 'u32',
  ldc: 'u32',
  eps: 'f32',
  slice: 'u32',
  offset: 'f32',
  R: 'u32',
} as const;

export type MatmulParam = keyof typeof PARAMS;

const FORMULAS = { nt: 'a b^T', nn: 'a b', tn: 'a^T b' } as const;
const SHAPES = {
  nt: { a: '(M,K)', b: '(N,K)' },
  nn: { a: '(M,K)', b: '(K,N)' },
  tn: { a: '(K,M)', b: '(K,N)' },
} as const;

const PARTS = ['norm', 'gated', 'activated', 'adapter', 'residual', 'bias', 'accumulate'] as const;

/** Name of the kernel with this configuration and fusion, e.g. matmul_nt_direct_8x8_norm. */
export function matmulName(layout: MatmulLayout, configuration: string, fusion: MatmulFusion): string {
  const parts = PARTS.filter((part) => fusion[part]);
  const storage = fusion.storage === 'f32' ? [] : [fusion.storage];
  return ['matmul', layout, configuration, ...parts, ...storage].join('_');
}

/**
 * Writes one kernel of the matmul family. An element of the product is a sum over ascending k in an order that neither M
 * nor N changes, nor the size of the blocks: one by one through workgroup memory, by fours without. Source: the definition;
 * norm: Zhang & Sennrich 2019 (arXiv:1910.07467, eq. 4), the division taken out of the sum; gated: Shazeer 2020
 * (arXiv:2002.05202); adapter: Hu et al. 2021 (arXiv:2106.09685).
 */
export function generateMatmul(
  layout: MatmulLayout,
  configuration: string,
  blocking: Blocking,
  fusion: MatmulFusion = PLAIN,
): Kernel<string, MatmulParam> {
  if ((fusion.norm || fusion.gated || fusion.adapter) && layout !== 'nt')
    throw new Error('norm, gate and adapter are of nt alone');
  if (fusion.storage !== 'f32' && layout === 'tn')
    throw new Error('b of tn is no weight: it is stored as f32');
  if ((fusion.gated || fusion.activated) && fusion.residual)
    throw new Error('nothing is added behind an activation');
  if (fusion.accumulate && !canAccumulate(fusion)) throw new Error('what generation fuses is not added');
  const name = matmulName(layout, configuration, fusion);
  const buffers: Record<string, Access> = {
    a: 'read',
    b: 'read',
    ...(fusion.norm ? { weight: 'read' } : {}),
    ...(fusion.adapter ? { low: 'read', high: 'read' } : {}),
    ...(fusion.residual ? { residual: 'read' } : {}),
    ...(fusion.bias ? { bias: 'read' } : {}),
    out: 'read_write',
  };
  const text = new MatmulText(layout, blocking, fusion);
  const type = (buffer: string): string => (buffer === 'b' ? text.elementOfB.type : 'vec4f');
  const wgsl = [
    ...header(name, text),
    ...(blocking.subgroup === undefined ? [] : ['enable subgroups;']),
    `struct Params { ${Object.entries(PARAMS)
      .map(([field, kind]) => `${field}: ${kind}`)
      .join(', ')} }`,
    '',
    ...Object.entries(buffers).map(
      ([buffer, access], i) =>
        `@group(0) @binding(${i}) var<storage, ${access}> ${buffer}: array<${type(buffer)}>;`,
    ),
    `@group(0) @binding(${Object.keys(buffers).length}) var<uniform> params: Params;`,
    '',
    ...text.loadB(),
    ...text.activation(),
    ...(blocking.step === undefined ? directMain(text) : tiledMain(text, blocking.step)),
    '',
  ].join('\n');
  return defineKernel<string, MatmulParam>({ name, wgsl, buffers, params: PARAMS });
}

function header(name: string, { layout, fusion, blocking, tile }: MatmulText): string[] {
  const { norm, adapter, gated, activated, residual, bias, accumulate, storage } = fusion;
  const { rows, columns, across, down, subgroup } = blocking;
  const product = (norm ? 'norm(a) b^T' : FORMULAS[layout]) + (adapter ? ' + low high^T' : '');
  const sum = product + (bias ? ' + bias' : '');
  const value = activated ? `activation(${sum})` : sum + (residual ? ' + residual' : '');
  const formula = gated ? `activation(gate) up, [gate | up] = ${sum}` : value;
  const wide = gated ? '(2N' : '(N';
  return [
    `// ${name}: out ${accumulate ? '+=' : '='} ${formula}`,
    '// Written by src/kernels/matmul_generator.ts.',
    ...(norm ? ['// norm(a) = a (weight + offset) rstd, rstd = 1 / sqrt(mean(a^2) + eps) of each row.'] : []),
    '//',
    `//   a         ${SHAPES[layout].a}  read         rows of lda floats`,
    `//   b         ${gated ? '(2N,K)' : SHAPES[layout].b}  read         rows of ldb ${STORED_ROWS[storage]}`,
    ...(norm ? ['//   weight    (K)    read'] : []),
    ...(adapter
      ? [`//   low       (M,R)  read         R a multiple of 4`, `//   high      ${wide},R)  read`]
      : []),
    ...(residual ? ['//   residual  (M,N)  read         rows of ldc floats'] : []),
    ...(bias ? [`//   bias      ${wide})    read`] : []),
    '//   out       (M,N)  read, write  rows of ldc floats',
    '//',
    '// lda, ldb, ldc: multiples of 4; any M, N, K. Columns of out from N to the next multiple of 4 are',
    `// ${accumulate ? 'left alone.' : 'written 0.'}`,
    '// Slice z of the grid sums k from z * slice on, and writes out[z] of out (slices,M,N).',
    ...(subgroup === undefined ? [] : [`// For subgroups of ${subgroup} threads, no other size.`]),
    `// Grid: (N/${tile[1]}, M/${tile[0]}, slices), rounded up; ${across}x${down} threads of ${rows}x${columns}.`,
  ];
}
