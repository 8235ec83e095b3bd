import { addDecodeAttention, decodePartialsShape } from '../../src/kernels/decode';
import { addHeadSample, headSampleShape } from '../../src/kernels/lm_head_sample';
import { addMatmul } from '../../src/kernels/matmul';
import { addSample } from '../../src/kernels/sampler';
import type { KernelWork } from '../kernel_work';
import type { Shapes } from '../shapes';

/** Sequences decoded together. */
const BATCHES = [1, 8, 32, 128];
const BATCH = 32;
const EPS = 1e-5;

/** What one step of generation runs, by how many sequences it decodes. */
export function decodeWorks(shapes: Shapes): KernelWork[] {
  return [
    ...(shapes.isLlama ? BATCHES.map((B) => gateUpWork(shapes, B)) : []),
    attentionWork(shapes),
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
          swiglu: true,
        });
    },
  };
}

const slotsOf = (B: number): Uint32Array => Uint32Array.from({ length: B }, (_, b) => b);

function attentionWork({ NH, NKV, HS, QKV, T }: Shapes): KernelWork {
  const cache = BATCH * T * NKV * HS;
  return {
    kernel: 'decode_attention',
    dims: { B: BATCH, T, NH, NKV, HS },
    operands: {
      qkv: BATCH * QKV,
      slots: slotsOf(BATCH),
      positions: new Uint32Array(BATCH).fill(T - 1),
      k_cache: cache,
      v_cache: cache,
      partials: Math.max(
        4,
        decodePartialsShape(BATCH, { NH, NKV, HS }, T).reduce((a, b) => a * b, 1),
      ),
      out: BATCH * NH * HS,
    },
    record: (plan, { qkv, slots, positions, k_cache, v_cache, partials, out }) => {
      if (qkv && slots && positions && k_cache && v_cache && partials && out)
        addDecodeAttention(
          plan,
          { qkv, slots, positions, k_cache, v_cache, partials, out },
          { NH, NKV, HS },
          T,
          () => BATCH,
        );
    },
  };
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
        { hidden, weight, partials, tokens, positions, slots, state, history },
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
