import type { Cost, Stream } from './figure';

/** Dims by their letters of docs/kernels.md; inside a matmul M, N and K are its own. */
export type Dims = Readonly<Record<string, number>>;

interface Accounting {
  /** What the kernel is held to in tables: operations, or bytes moved. */
  measure: 'flops' | 'bytes';
  cost: (dim: (name: string) => number) => Cost;
}

const FLOAT = 4;
const moved = (floats: number, flops = 0, stream: Stream = 'copy'): Cost => ({
  flops,
  bytes: FLOAT * floats,
  stream,
});

/** Where so many times more is read than written, writing does not decide. */
const MOSTLY = 8;
const inAndOut = (read: number, written: number, flops: number): Cost =>
  moved(read + written, flops, read > MOSTLY * written ? 'read' : 'copy');

/** Pairs of positions under a causal mask. */
const causalPairs = (T: number): number => (T * (T + 1)) / 2;

const matmul: Accounting = {
  measure: 'flops',
  cost: (d) => inAndOut((d('M') + d('N')) * d('K'), d('M') * d('N'), 2 * d('M') * d('N') * d('K')),
};

/** Attention forward: two products a pair; backward: five (scores, dP, dV, dK, dQ), as FlashAttention counts them. */
const attention = (products: number, rows: number): Accounting => ({
  measure: 'flops',
  cost: (d) => {
    const N = d('B') * d('T');
    const width = (d('NH') + 2 * d('NKV')) * d('HS');
    return moved(
      rows * N * (width + d('NH') * d('HS')),
      2 * products * d('B') * d('NH') * causalPairs(d('T')) * d('HS'),
    );
  },
});

const elementwise = (cost: Accounting['cost']): Accounting => ({ measure: 'bytes', cost });

/** Rows whose sum the backward of a norm leaves as one row, for the gradient of its weight. */
const NORM_BLOCK = 32;

/**
 * Operations and bytes that each kernel cannot do without: every input read once, every output written once, `+=` both. A
 * kernel that reads more than once is the slower for it. Only multiplications and additions of the formula are counted.
 */
const ACCOUNTS: Readonly<Record<string, Accounting>> = {
  matmul_nt: matmul,
  matmul_nn: matmul,
  matmul_tn: matmul,
  /** b is (2N,K): gate and up. */
  norm_swiglu_matmul: {
    measure: 'flops',
    cost: (d) => inAndOut((d('M') + 2 * d('N')) * d('K'), d('M') * d('N'), 4 * d('M') * d('N') * d('K')),
  },
  attention_forward: attention(2, 1),
  attention_backward: attention(5, 2),
  decode_attention: {
    measure: 'bytes',
    cost: (d) =>
      inAndOut(
        d('B') * d('HS') * (2 * d('T') * d('NKV') + d('NH')),
        d('B') * d('HS') * d('NH'),
        4 * d('B') * d('NH') * d('T') * d('HS'),
      ),
  },
  /** Of S splits, their sums, peak and total. */
  decode_attention_merge: elementwise((d) =>
    inAndOut(
      d('B') * d('NH') * d('S') * (d('HS') + 2),
      d('B') * d('NH') * d('HS'),
      3 * d('B') * d('NH') * d('S') * d('HS'),
    ),
  ),
  /** In place but for the cached rows. */
  rope_append: elementwise((d) => {
    const [queries, keys] = [d('N') * d('NH') * d('HS'), d('N') * d('NKV') * d('HS')];
    return moved(2 * queries + 5 * keys, 3 * (queries + keys), 'in_place');
  }),
  kv_copy: elementwise((d) => moved(4 * d('P') * d('T') * d('NKV') * d('HS'))),
  /** A row's history of H tokens and log-probs, and seven words beside it. */
  move_rows: elementwise((d) => moved(2 * d('P') * (2 * d('H') + 7))),
  gather_rows: elementwise((d) => moved(2 * d('M') * d('C'))),
  scatter_rows: elementwise((d) => moved((d('M') + d('N')) * d('C'))),
  fill: elementwise((d) => moved(d('count'))),
  /** Log-prob, entropy and a weight of each token in; three gradients and 16 columns of statistics out. */
  sft: elementwise((d) => moved(22 * d('M'), 2 * d('M'))),
  /** The same with the value and six more constants. */
  ppo_clip: elementwise((d) => moved(29 * d('M'), 30 * d('M'))),
  value_head_forward: elementwise((d) => inAndOut((d('M') + 1) * d('C'), d('M'), 2 * d('M') * d('C'))),
  value_head_backward: elementwise((d) =>
    moved(2 * d('M') * d('C') + d('M') + d('C'), 2 * d('M') * d('C'), 'in_place'),
  ),
  value_head_backward_weight: elementwise((d) =>
    inAndOut(d('M') * d('C') + d('M') + d('C'), d('C'), 2 * d('M') * d('C')),
  ),
  lora_expand: elementwise((d) => moved(d('rows') * (d('r') + d('width')), d('rows') * d('r'))),
  lora_expand_backward: elementwise((d) =>
    moved(2 * d('rows') * (d('r') + d('width')), 2 * d('rows') * d('r'), 'in_place'),
  ),
  matmul_merge: elementwise((d) =>
    inAndOut(d('slices') * d('M') * d('N'), d('M') * d('N'), d('slices') * d('M') * d('N')),
  ),
  reduce_columns: elementwise((d) => inAndOut(17 * d('M'), 16, 17 * d('M'))),
  norm_finish: elementwise((d) => inAndOut(d('P'), 4, d('P'))),
  rmsnorm_forward: elementwise((d) => moved(2 * d('N') * d('C'), 4 * d('N') * d('C'))),
  residual_rmsnorm_forward: elementwise((d) => moved(4 * d('N') * d('C'), 5 * d('N') * d('C'))),
  rmsnorm_backward: elementwise((d) => moved(4 * d('N') * d('C'), 11 * d('N') * d('C'), 'in_place')),
  rmsnorm_backward_weight: elementwise((d) => {
    const sums = d('K') * Math.ceil(d('N') / NORM_BLOCK) * d('C');
    return inAndOut(sums + d('K') * d('C'), d('K') * d('C'), sums);
  }),
  layernorm_forward: elementwise((d) => moved(2 * d('N') * d('C'), 7 * d('N') * d('C'))),
  residual_layernorm_forward: elementwise((d) => moved(4 * d('N') * d('C'), 8 * d('N') * d('C'))),
  layernorm_backward: elementwise((d) => moved(4 * d('N') * d('C'), 14 * d('N') * d('C'), 'in_place')),
  /** Values are copied. */
  qk_norm_forward: elementwise((d) => {
    const normed = d('N') * (d('NH') + d('NKV')) * d('HS');
    return moved(2 * (normed + d('N') * d('NKV') * d('HS')), 4 * normed);
  }),
  /** Values are left alone. */
  qk_norm_backward: elementwise((d) => {
    const normed = d('N') * (d('NH') + d('NKV')) * d('HS');
    return moved(3 * normed, 10 * normed, 'in_place');
  }),
  bias_backward: elementwise((d) => inAndOut((d('N') + 1) * d('C'), d('C'), d('N') * d('C'))),
  rope: elementwise((d) =>
    moved(
      2 * d('N') * (d('NH') + d('NKV')) * d('HS'),
      3 * d('N') * (d('NH') + d('NKV')) * d('HS'),
      'in_place',
    ),
  ),
  swiglu_forward: elementwise((d) => moved(3 * d('N') * d('F'), 4 * d('N') * d('F'))),
  swiglu_backward: elementwise((d) => moved(6 * d('N') * d('F'), 10 * d('N') * d('F'))),
  activation_forward: elementwise((d) => moved(2 * d('count'), 8 * d('count'))),
  activation_backward: elementwise((d) => moved(4 * d('count'), 16 * d('count'))),
  embedding_forward: elementwise((d) => moved(2 * d('N') * d('C'))),
  // Rows of 9 bits a value.
  embedding_forward_stored: elementwise((d) => moved((1 + 9 / 32) * d('N') * d('C'))),
  position_forward: elementwise((d) => moved(3 * d('N') * d('C'), d('N') * d('C'), 'in_place')),
  embedding_backward: elementwise((d) => moved(3 * d('N') * d('C'), d('N') * d('C'), 'in_place')),
  logits_stats: elementwise((d) => moved(d('R') * d('V'), 4 * d('R') * d('V'), 'read')),
  logits_backward: elementwise((d) => moved(2 * d('R') * d('V'), 4 * d('R') * d('V'), 'in_place')),
  sample: elementwise((d) => moved(d('B') * d('V'), 4 * d('B') * d('V'), 'read')),
  head_sample: {
    measure: 'flops',
    cost: (d) => moved((d('B') + d('V')) * d('C'), 2 * d('B') * d('V') * d('C'), 'read'),
  },
  head_score: {
    measure: 'flops',
    cost: (d) => moved((d('M') + d('V')) * d('C'), 2 * d('M') * d('V') * d('C'), 'read'),
  },
  adamw: elementwise((d) => moved(8 * d('count'), 12 * d('count'), 'in_place')),
  sum_squares: elementwise((d) => moved(d('count'), 2 * d('count'), 'read')),
};

/** A kernel's figure, taken apart: `kernels/<model>/<kernel>[/<role>]/<dims>`. */
export interface KernelName {
  model: string;
  kernel: string;
  role: string;
  dims: Dims;
}

export function kernelFigureName({ model, kernel, role, dims }: KernelName): string {
  const text = Object.entries(dims).map(([name, value]) => `${name}=${value}`);
  return ['kernels', model, kernel, ...(role ? [role] : []), text.join(',')].join('/');
}

/** The name taken apart, or undefined when the figure is no kernel's. */
export function parseKernelName(name: string): KernelName | undefined {
  const match = /^kernels\/([^/]+)\/([^/]+)(?:\/([^/]+))?\/((?:\w+=\d+,?)+)$/.exec(name);
  if (!match) return undefined;
  const [, model = '', kernel = '', role = '', text = ''] = match;
  if (!(kernel in ACCOUNTS)) return undefined;
  const dims: Record<string, number> = {};
  for (const part of text.split(',')) {
    const [dim = '', value] = part.split('=');
    dims[dim] = Number(value);
  }
  return { model, kernel, role, dims };
}

/** Operations and bytes of one run of a kernel. Errors: throws on a kernel or a dim that it does not know. */
export function costOf(kernel: string, dims: Dims): Cost {
  return accounting(kernel).cost((name) => {
    const value = dims[name];
    if (value === undefined) throw new Error(`the cost of ${kernel} needs ${name}`);
    return value;
  });
}

export const measureOf = (kernel: string): Accounting['measure'] => accounting(kernel).measure;

function accounting(kernel: string): Accounting {
  const found = ACCOUNTS[kernel];
  if (!found) throw new Error(`the bench has no account of ${kernel}`);
  return found;
}
