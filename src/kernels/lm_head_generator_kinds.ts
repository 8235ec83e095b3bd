import type { Access, ParamType } from '../gpu/kernel';

/** What a kind of head computes, as WGSL around the product: one row in one thread. */
export interface HeadText {
  formula: readonly string[];
  buffers: Readonly<Record<string, { access: Access; type: string; header: string }>>;
  params: Readonly<Record<string, ParamType>>;
  /** The params field that counts rows. */
  count: string;
  /** Fields of a Part. */
  part: string;
  /** struct Run, what a thread knows of a row; `start`; `take(run, logits, key, column)`, which takes four more tokens in. */
  functions: readonly string[];
  /** What `take` needs to know of this row. */
  key: (row: string) => string;
  /** The Part of `run`. */
  made: string;
  /** `merge(a, b)` of two Parts. */
  merge: readonly string[];
  /** What else a thread stores of `row` and `run`. */
  aside: readonly string[];
}

const text = (wgsl: string): string[] => wgsl.trim().split('\n');

/** Softmax statistics. Source: Milakov & Gimelshein 2018, arXiv:1805.02867, alg. 3 (online softmax), by blocks. */
export const SCORE: HeadText = {
  formula: [
    'per row and part of the vocabulary, from z = hidden weightᵀ that is never stored: m = max z,',
    's = sum exp(z - m), t = sum exp(z - m) (z - m) and argmax z; and the target’s z. head_score_merge makes log-prob and entropy',
    'of them. Source: Milakov & Gimelshein 2018, arXiv:1805.02867, alg. 3 (online softmax), by blocks; the lowest index wins a tie.',
  ],
  buffers: {
    hidden: {
      access: 'read',
      type: 'vec4f',
      header: '(M,C)    read   final normed hidden states; C a multiple of 4',
    },
    weight: {
      access: 'read',
      type: 'vec4f',
      header:
        '(V,C)    read   the LM head, its rows first_token to V - 1; first_token is where a workgroup’s parts begin',
    },
    targets: { access: 'read', type: 'u32', header: '(M) u32  read' },
    partials: {
      access: 'read_write',
      type: 'Part',
      header: '(M,P,4)  write  m, s, t, argmax (u32); P parts of `width` tokens',
    },
    logp: {
      access: 'read_write',
      type: 'f32',
      header: '(M)      write  the target’s z, for head_score_merge',
    },
  },
  params: { M: 'u32', V: 'u32', C: 'u32', P: 'u32', width: 'u32', first_token: 'u32' },
  count: 'M',
  part: 'm: f32, s: f32, t: f32, argmax: u32',
  functions: text(`
// What a row has shown so far; chosen is the target's z, LOWEST while it has not been seen.
struct Run { m: f32, s: f32, t: f32, argmax: u32, chosen: f32 }

fn start() -> Run {
  return Run(LOWEST, 0.0, 0.0, 0u, LOWEST);
}

fn take(before: Run, logits: vec4f, wanted: u32, column: u32) -> Run {
  let columns = vec4u(column) + OFFSETS;
  let z = select(vec4f(LOWEST), capped(logits), columns < vec4u(params.V));
  let most = max(max(z.x, z.y), max(z.z, z.w));
  let m = max(before.m, most);
  let d = max(before.m - m, FARTHEST);
  let dz = max(z - m, vec4f(FARTHEST));
  let e = exp(d);
  let ez = exp(dz);
  let first = column + select(select(select(3u, 2u, z.z == most), 1u, z.y == most), 0u, z.x == most);
  let hit = columns == vec4u(wanted);
  return Run(
    m,
    e * before.s + dot(ez, vec4f(1.0)),
    e * (before.t + d * before.s) + dot(ez, dz),
    select(before.argmax, first, most > before.m),
    select(before.chosen, dot(select(vec4f(0.0), z, hit), vec4f(1.0)), any(hit))
  );
}`),
  key: (row) => `targets[${row}]`,
  made: 'Part(run.m, run.s, run.t, run.argmax)',
  merge: text(`
fn merge(a: Part, b: Part) -> Part {
  let m = max(a.m, b.m);
  let da = max(a.m - m, FARTHEST);
  let db = max(b.m - m, FARTHEST);
  let s = exp(da) * a.s + exp(db) * b.s;
  let t = exp(da) * (a.t + da * a.s) + exp(db) * (b.t + db * b.s);
  let second = b.m > a.m || (b.m == a.m && b.argmax < a.argmax);
  return Part(m, s, t, select(a.argmax, b.argmax, second));
}`),
  aside: ['if (run.chosen != LOWEST) {', '  logp[row] = run.chosen;', '}'],
};

/** Draws. Source: Maddison et al. 2014, arXiv:1411.0030, section 3 (Gumbel-max); Salmon et al. 2011, SC11 (Philox). */
export const SAMPLE: HeadText = {
  formula: [
    'per row and part of the vocabulary, from z = hidden weightᵀ that is never stored: m = max z,',
    's = sum exp(z - m) and the best draw, argmax(z / temperature + g), with its z. head_sample_merge makes a token of the parts.',
    'Source: Gumbel-max, Maddison et al. 2014, arXiv:1411.0030, section 3, by tiles as in arXiv:2603.15854; g from Philox4x32-10,',
    'Salmon et al. 2011 (SC11), counted as in sample.wgsl: (sequence id, position, token/4, 0). temperature 0 is greedy.',
  ],
  buffers: {
    hidden: {
      access: 'read',
      type: 'vec4f',
      header: '(B,C)    read   final normed hidden states; C a multiple of 4',
    },
    weight: {
      access: 'read',
      type: 'vec4f',
      header:
        '(V,C)    read   the LM head, its rows first_token to V - 1; first_token is where a workgroup’s parts begin',
    },
    positions: { access: 'read', type: 'u32', header: '(B) u32  read' },
    state: { access: 'read', type: 'vec4u', header: '(B,4)    read   the sequence id is its first u32' },
    partials: {
      access: 'read_write',
      type: 'Part',
      header: '(B,P,5)  write  m, s, score, z, token (u32); P parts of `width` tokens',
    },
  },
  params: {
    B: 'u32',
    V: 'u32',
    C: 'u32',
    P: 'u32',
    width: 'u32',
    first_token: 'u32',
    seed_lo: 'u32',
    seed_hi: 'u32',
    temperature: 'f32',
  },
  count: 'B',
  part: 'm: f32, s: f32, score: f32, z: f32, token: u32',
  functions: text(`
// The 64-bit product of two u32 as (high, low), by 16-bit halves.
fn multiply(a: u32, b: u32) -> vec2u {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let cross = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let other = (a & 0xffffu) * (b >> 16u) + (cross & 0xffffu);
  return vec2u((a >> 16u) * (b >> 16u) + (cross >> 16u) + (other >> 16u), (other << 16u) | (low & 0xffffu));
}

fn philox(counter: vec4u, seed: vec2u) -> vec4u {
  var c = counter;
  var key = seed;
  for (var round = 0u; round < 10u; round++) {
    let x = multiply(0xd2511f53u, c.x);
    let z = multiply(0xcd9e8d57u, c.z);
    c = vec4u(z.x ^ c.y ^ key.x, z.y, x.x ^ c.w ^ key.y, x.y);
    key += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

// Standard Gumbel numbers -log(e), e = -log(1 - u), u = (bits + 1/2) / 2^32. Small e decide the draw and keep their relative
// precision: below 2^-6, e by its series; above, 1 - u from the complement of the bits.
fn gumbel(bits: vec4u) -> vec4f {
  let u = (vec4f(bits) + 0.5) * 0x1p-32;
  let rest = (vec4f(~bits) + 0.5) * 0x1p-32;
  let series = u * (1.0 + u * (0.5 + u * (1.0 / 3.0 + u * 0.25)));
  return -log(select(-log(rest), series, bits < vec4u(0x04000000u)));
}

// What decides of four tokens of a row: their logits, or a draw's.
fn scores(z: vec4f, row: u32, column: u32) -> vec4f {
  if (params.temperature == 0.0) {
    return z;
  }
  let counter = vec4u(state[row].x, positions[row], column / 4u, 0u);
  return z / params.temperature + gumbel(philox(counter, vec2u(params.seed_lo, params.seed_hi)));
}

// What a row has shown so far; score, z and token are of the best draw.
struct Run { m: f32, s: f32, score: f32, z: f32, token: u32 }

fn start() -> Run {
  return Run(LOWEST, 0.0, LOWEST, LOWEST, 0u);
}

fn take(before: Run, logits: vec4f, row: u32, column: u32) -> Run {
  let inside = vec4u(column) + OFFSETS < vec4u(params.V);
  let z = select(vec4f(LOWEST), capped(logits), inside);
  let score = select(vec4f(LOWEST), scores(z, row, column), inside);
  let m = max(before.m, max(max(z.x, z.y), max(z.z, z.w)));
  let e = exp(max(z - m, vec4f(FARTHEST)));
  let s = before.s * exp(max(before.m - m, FARTHEST)) + dot(e, vec4f(1.0));
  // The first of equals wins.
  let most = max(max(score.x, score.y), max(score.z, score.w));
  let i = select(select(select(3u, 2u, score.z == most), 1u, score.y == most), 0u, score.x == most);
  let chosen = select(select(select(z.w, z.z, score.z == most), z.y, score.y == most), z.x, score.x == most);
  let ahead = most > before.score;
  return Run(
    m,
    s,
    select(before.score, most, ahead),
    select(before.z, chosen, ahead),
    select(before.token, column + i, ahead)
  );
}`),
  key: (row) => row,
  made: 'Part(run.m, run.s, run.score, run.z, run.token)',
  merge: text(`
fn merge(a: Part, b: Part) -> Part {
  let m = max(a.m, b.m);
  let s = a.s * exp(max(a.m - m, FARTHEST)) + b.s * exp(max(b.m - m, FARTHEST));
  if (b.score > a.score || (b.score == a.score && b.token < a.token)) {
    return Part(m, s, b.score, b.z, b.token);
  }
  return Part(m, s, a.score, a.z, a.token);
}`),
  aside: [],
};
