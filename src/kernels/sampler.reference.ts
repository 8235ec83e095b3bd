import { NO_SLOT } from './decode';
import { FINISH, type SampleDims } from './sampler';

/** Philox4x32-10 (Salmon et al. 2011): four u32 from a counter of four and a key of two. */
export function philox(counter: readonly number[], key: readonly number[]): [number, number, number, number] {
  let [c0 = 0, c1 = 0, c2 = 0, c3 = 0] = counter;
  let [k0 = 0, k1 = 0] = key;
  for (let round = 0; round < 10; round++) {
    const x = BigInt(c0) * 0xd2511f53n;
    const z = BigInt(c2) * 0xcd9e8d57n;
    c0 = (high(z) ^ c1 ^ k0) >>> 0;
    c1 = low(z);
    c2 = (high(x) ^ c3 ^ k1) >>> 0;
    c3 = low(x);
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

const high = (x: bigint): number => Number(x >> 32n);
const low = (x: bigint): number => Number(x & 0xffffffffn);

/** -log(-log(1 - u)) with u = (bits + 1/2) / 2^32: a standard Gumbel number. */
export const gumbel = (bits: number): number => -Math.log(-Math.log1p(-(bits + 0.5) / 2 ** 32));

/**
 * Which tokens may be drawn, in transformers' terms: TopKLogitsWarper keeps every logit at or above the k-th largest;
 * TopPLogitsWarper, on softmax(logits / temperature) of those, drops a token when what is greater than it already has
 * probability top_p. The most likely token always stays. Tied tokens stay or go together.
 */
export function keptTokens(
  logits: readonly number[],
  temperature: number,
  top_k: number,
  top_p: number,
): boolean[] {
  const sorted = [...logits].sort((a, b) => b - a);
  const kth = top_k > 0 && top_k < sorted.length ? (sorted[top_k - 1] ?? 0) : -Infinity;
  const peak = sorted[0] ?? 0;
  const weight = (x: number): number => (x >= kth ? Math.exp((x - peak) / temperature) : 0);
  const total = sorted.reduce((sum, x) => sum + weight(x), 0);
  const massAbove = new Map<number, number>();
  let above = 0;
  for (const x of sorted) {
    if (!massAbove.has(x)) massAbove.set(x, above / total);
    above += weight(x);
  }
  return logits.map((x) => x === peak || (x >= kth && (top_p >= 1 || (massAbove.get(x) ?? 0) < top_p)));
}

export interface SampleBuffers {
  logits: ArrayLike<number>;
  tokens: ArrayLike<number>;
  positions: ArrayLike<number>;
  slots: ArrayLike<number>;
  state: ArrayLike<number>;
}

/** One row's draw: the token, its log-probability, and how far the runner-up was (Infinity when there is none). */
export interface Draw {
  token: number;
  logp: number;
  margin: number;
}

/** The draw of one row of V logits in f64. `sequence` and `position` count the generator. */
export function drawReference(
  logits: readonly number[],
  sequence: number,
  position: number,
  { seed, temperature, top_k, top_p }: Pick<SampleDims, 'seed' | 'temperature' | 'top_k' | 'top_p'>,
): Draw {
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
  const kept = temperature > 0 ? keptTokens(logits, temperature, top_k, top_p) : logits.map(() => true);
  let bits: number[] = [];
  let token = -1;
  let best = -Infinity;
  let second = -Infinity;
  logits.forEach((x, i) => {
    if (temperature > 0 && i % 4 === 0) bits = philox([sequence, position, i / 4, 0], key);
    if (!kept[i]) return;
    const score = temperature > 0 ? x / temperature + gumbel(bits[i % 4] ?? 0) : x;
    if (token < 0 || score > best) {
      second = best;
      best = score;
      token = i;
    } else {
      second = Math.max(second, score);
    }
  });
  const peak = Math.max(...logits);
  const logSum = Math.log(logits.reduce((sum, x) => sum + Math.exp(x - peak), 0));
  return { token, logp: (logits[token] ?? 0) - peak - logSum, margin: best - second };
}

/** `sample` in f64: what every buffer holds afterwards. `history` comes as (row, index, token, logp) of running rows. */
export function sampleReference(inputs: SampleBuffers, dims: SampleDims) {
  const { B, V, ldv, Hmax, eos } = dims;
  const tokens = Uint32Array.from(inputs.tokens);
  const positions = Uint32Array.from(inputs.positions);
  const slots = Uint32Array.from(inputs.slots);
  const state = Uint32Array.from(inputs.state);
  const draws: (Draw & { row: number; index: number })[] = [];
  for (let b = 0; b < B; b++) {
    if (slots[b] === NO_SLOT) continue;
    const logits = Array.from({ length: V }, (_, i) => inputs.logits[b * ldv + i] ?? 0);
    const [sequence = 0, generated = 0, limit = 0] = state.subarray(4 * b, 4 * b + 4);
    const position = positions[b] ?? 0;
    const draw = drawReference(logits, sequence, position, dims);
    draws.push({ ...draw, row: b, index: generated });
    tokens[b] = draw.token;
    positions[b] = position + 1;
    state[4 * b + 1] = generated + 1;
    if (eos.includes(draw.token)) state[4 * b + 3] = FINISH.eos;
    else if (generated + 1 >= Math.min(limit, Hmax)) state[4 * b + 3] = FINISH.length;
    if (state[4 * b + 3] !== FINISH.running) slots[b] = NO_SLOT;
  }
  return { tokens, positions, slots, state, draws };
}
