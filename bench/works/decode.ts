import {
  addDecodeAttention,
  addRopeAppend,
  decodeAttentionMerge,
  decodeMergeLaunch,
  decodePartialsShape,
  decodeSplits,
  kvCopy,
  kvCopyLaunch,
  moveRows,
  moveRowsLaunch,
} from '../../src/kernels/decode';
import { addHeadSample, headSampleShape } from '../../src/kernels/lm_head_sample';
import { whole } from '../../src/kernels/vocabulary';
import { addMatmul } from '../../src/kernels/matmul';
import { addSample } from '../../src/kernels/sampler';
import type { KernelWork } from '../kernel_work';
import type { Shapes } from '../shapes';
import { plainWork } from './layer';

/** Sequences decoded together. */
const BATCHES = [1, 8, 32, 128];
const BATCH = 32;
/** Keys that are attended in chunks, side by side, of fewer sequences. */
const LONG = { B: 8, T: 1024 };
/** New tokens a row's history holds. */
const COMPLETION = 64;
const EPS = 1e-5;

/** What one step of generation runs, by how many sequences it decodes. */
export function decodeWorks(shapes: Shapes): KernelWork[] {
  return [
    ...(shapes.isLlama ? BATCHES.map((B) => gateUpWork(shapes, B)) : []),
    ...(shapes.isLlama ? [appendWork(shapes)] : []),
    attentionWork(shapes, BATCH, shapes.T),
    attentionWork(shapes, LONG.B, LONG.T),
    mergeWork(shapes),
    ...moveWorks(shapes),
    ...BATCHES.map((B) => headSampleWork(shapes, B)),
    sampleWork(shapes),
  ];
}

/** Norm, gate and up projections and SwiGLU in one dispatch. */
function gateUpWork({ C, F }: Shapes, B: number): KernelWork {
  return {
    kernel: 'norm_swiglu_matmul',
    role: 'gate_up',
    dims: { M: B, N: F, K: C },
    operands: { a: B * C, b: 2 * F * C, weight: C, out: B * F },
    record: (plan, { a, b, weight, out }, gpu) => {
      if (a && b && weight && out)
        addMatmul(plan, gpu, 'nt', { a, b, out }, () => ({ M: B, N: F, K: C }), {
          norm: { weight, eps: EPS },
          gated: 'silu',
        });
    },
  };
}

const slotsOf = (B: number): Uint32Array => Uint32Array.from({ length: B }, (_, b) => b);

function attentionWork({ NH, NKV, HS, QKV }: Shapes, B: number, T: number): KernelWork {
  const cache = B * T * NKV * HS;
  return {
    kernel: 'decode_attention',
    dims: { B, T, NH, NKV, HS },
    operands: {
      qkv: B * QKV,
      slots: slotsOf(B),
      positions: new Uint32Array(B).fill(T - 1),
      k_cache: cache,
      v_cache: cache,
      partials: Math.max(
        4,
        decodePartialsShape(B, { NH, NKV, HS }, T).reduce((a, b) => a * b, 1),
      ),
      out: B * NH * HS,
    },
    record: (plan, { qkv, slots, positions, k_cache, v_cache, partials, out }) => {
      if (qkv && slots && positions && k_cache && v_cache && partials && out)
        addDecodeAttention(
          plan,
          { qkv, slots, positions, k_cache, v_cache, partials, out },
          { NH, NKV, HS },
          T,
          () => B,
        );
    },
  };
}

/** New queries and keys rotated, keys and values kept. */
function appendWork({ NH, NKV, HS, QKV, T }: Shapes): KernelWork {
  const cache = BATCH * T * NKV * HS;
  return {
    kernel: 'rope_append',
    dims: { N: BATCH, NH, NKV, HS },
    operands: {
      qkv: BATCH * QKV,
      positions: new Uint32Array(BATCH).fill(T - 1),
      slots: slotsOf(BATCH),
      table: T * HS,
      k_cache: cache,
      v_cache: cache,
    },
    record: (plan, { qkv, positions, slots, table, k_cache, v_cache }) => {
      if (qkv && positions && slots && table && k_cache && v_cache)
        addRopeAppend(
          plan,
          { qkv, positions, slots, table, k_cache, v_cache },
          { NH, NKV, HS },
          T,
          () => BATCH,
        );
    },
  };
}

/** The chunks of a long cache put together. */
function mergeWork({ NH, NKV, HS }: Shapes): KernelWork {
  const { B, T } = LONG;
  const heads = { NH, NKV, HS };
  const partials = decodePartialsShape(B, heads, T).reduce((a, b) => a * b, 1);
  return plainWork(
    decodeAttentionMerge,
    { B, NH, HS, S: decodeSplits(T).splits },
    {
      partials: new Float32Array(partials).fill(1),
      slots: slotsOf(B),
      positions: new Uint32Array(B).fill(T - 1),
      out: B * NH * HS,
    },
    decodeMergeLaunch(B, heads, T),
  );
}

/** A prompt's keys and values copied for another completion, and rows moved together: for half of the batch each. */
function moveWorks({ NH, NKV, HS, T }: Shapes): KernelWork[] {
  const P = BATCH / 2;
  const cache = BATCH * T * NKV * HS;
  const pairs = Array.from({ length: P }, (_, p) => [2 * p, 2 * p + 1]);
  return [
    plainWork(
      kvCopy,
      { P, T, NKV, HS },
      { copies: Uint32Array.from(pairs.flatMap((pair) => [...pair, T, 0])), k_cache: cache, v_cache: cache },
      kvCopyLaunch(P, T, { NH, NKV, HS }, T),
    ),
    plainWork(
      moveRows,
      { P, H: COMPLETION },
      {
        moves: Uint32Array.from(pairs.flat()),
        tokens: BATCH,
        positions: BATCH,
        slots: slotsOf(BATCH),
        state: 4 * BATCH,
        history: 2 * COMPLETION * BATCH,
      },
      moveRowsLaunch(P, COMPLETION),
    ),
  ];
}

/** Steps a sampled row can still take: a row that has ended would do nothing. */
const HISTORY = 2 ** 22;

/** LM head and draw without logits. */
function headSampleWork({ C, V }: Shapes, B: number): KernelWork {
  return {
    kernel: 'head_sample',
    dims: { B, V, C },
    operands: {
      hidden: B * C,
      weight: V * C,
      partials: headSampleShape(B, V).reduce((a, b) => a * b, 1),
      ...rowState(B),
    },
    record: (plan, t, gpu) => {
      const { hidden, weight, partials, tokens, positions, slots, state, history } = t;
      if (!hidden || !weight || !partials || !tokens || !positions || !slots || !state || !history) return;
      addHeadSample(
        plan,
        gpu,
        { hidden, partials, tokens, positions, slots, state, history },
        whole(weight, V),
        () => ({
          B,
          V,
          C,
          ...sampling(B),
        }),
      );
    },
  };
}

/** The draw from logits, with top_k and top_p. */
function sampleWork({ V }: Shapes): KernelWork {
  const ldv = Math.ceil(V / 4) * 4;
  return {
    kernel: 'sample',
    dims: { B: BATCH, V },
    operands: { logits: logitsOf(BATCH * ldv), ...rowState(BATCH) },
    record: (plan, { logits, tokens, positions, slots, state, history }) => {
      if (logits && tokens && positions && slots && state && history)
        addSample(plan, { logits, tokens, positions, slots, state, history }, V, () => ({
          B: BATCH,
          V,
          ldv,
          top_k: 50,
          top_p: 0.95,
          ...sampling(BATCH),
        }));
    },
  };
}

/** Numbers between 0 and 8, all different: equal ones would be a search's worst case. */
const logitsOf = (count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => ((i * 0.618033988749895) % 1) * 8);

const historyRows = (B: number): number => Math.floor(HISTORY / B);

const rowState = (B: number) => ({
  tokens: new Uint32Array(B),
  positions: new Uint32Array(B),
  slots: slotsOf(B),
  state: Uint32Array.from({ length: 4 * B }, (_, i) => (i % 4 === 2 ? historyRows(B) : 0)),
  history: 2 * HISTORY,
});

const sampling = (B: number) => ({ Hmax: historyRows(B), eos: [], seed: 0, temperature: 1 });
