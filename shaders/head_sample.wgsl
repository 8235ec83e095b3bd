// head_sample: per row and part of the vocabulary, from z = hidden weightᵀ that is never stored: m = max z, s = sum exp(z - m) and the
// best draw, argmax(z / temperature + g), with its z. head_sample_merge makes a token of the parts.
// In tiles of 64x64 through workgroup memory, blocks of 4x4 in registers.
// Source: Gumbel-max, Maddison et al. 2014, arXiv:1411.0030, section 3, by tiles as in arXiv:2603.15854; g from Philox4x32-10,
// Salmon et al. 2011 (SC11), counted as in sample.wgsl: (sequence id, position, token/4, 0).
//
//   hidden     (B,C)    read   final normed hidden states; C a multiple of 4
//   weight     (V,C)    read   the LM head, its rows first_token to V - 1; first_token is where a part begins
//   positions  (B) u32  read
//   state      (B,4)    read   the sequence id is its first u32
//   partials   (B,P,5)  write  m, s, score, z, token (u32); P parts of `width` tokens
//
// Each z is one sum over C in ascending order: a row's draw depends neither on B nor on the tiling. temperature 0 is greedy.
// Grid: (parts of these rows, B/64), rounded up; a workgroup takes 64 rows through one part. width: a multiple of 64.
struct Params {
  B: u32,
  V: u32,
  C: u32,
  P: u32,
  width: u32,
  first_token: u32,
  seed_lo: u32,
  seed_hi: u32,
  temperature: f32,
}

struct Part { m: f32, s: f32, score: f32, z: f32, token: u32 }

@group(0) @binding(0) var<storage, read> hidden: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> positions: array<u32>;
@group(0) @binding(3) var<storage, read> state: array<vec4u>;
@group(0) @binding(4) var<storage, read_write> partials: array<Part>;
@group(0) @binding(5) var<uniform> params: Params;

override CAP: f32 = 0.0; // logits z are bent to CAP tanh(z / CAP), as in Gemma 2 (arXiv:2408.00118, section 2); 0: they are not
const LOWEST = -1e30; // finite: -inf minus -inf differs between adapters
const FARTHEST = -80.0; // exp(-80) is 0 beside the maximum's 1

// 16 steps of k at a time: [k][row / 4] of hidden, [k][token / 4] of weight.
var<workgroup> hidden_tile: array<vec4f, 256>;
var<workgroup> weight_tile: array<vec4f, 256>;
var<workgroup> parts: array<Part, 256>;

// The 64-bit product of two u32 as (high, low), by 16-bit halves.
fn multiply(a: u32, b: u32) -> vec2u {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let cross = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let other = (a & 0xffffu) * (b >> 16u) + (cross & 0xffffu);
  return vec2u((a >> 16u) * (b >> 16u) + (cross >> 16u) + (other >> 16u), a * b);
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

// Noise of tokens column..column+3 (a column of the matrix each) in four rows; none for a greedy choice.
fn noise(rows: vec4u, column: u32) -> mat4x4f {
  if (params.temperature == 0.0) {
    return mat4x4f();
  }
  let seed = vec2u(params.seed_lo, params.seed_hi);
  return transpose(mat4x4f(
    gumbel(philox(vec4u(state[rows.x].x, positions[rows.x], column / 4u, 0u), seed)),
    gumbel(philox(vec4u(state[rows.y].x, positions[rows.y], column / 4u, 0u), seed)),
    gumbel(philox(vec4u(state[rows.z].x, positions[rows.z], column / 4u, 0u), seed)),
    gumbel(philox(vec4u(state[rows.w].x, positions[rows.w], column / 4u, 0u), seed))
  ));
}

// exp of a difference that is not positive.
fn share(d: vec4f) -> vec4f {
  return exp(max(d, vec4f(FARTHEST)));
}

// What four rows have seen so far: the largest logit, sum of exp(z - m), and score, logit and token of the best draw.
struct Run { m: vec4f, s: vec4f, score: vec4f, z: vec4f, token: vec4u }

fn start() -> Run {
  return Run(vec4f(LOWEST), vec4f(0.0), vec4f(LOWEST), vec4f(LOWEST), vec4u(0u));
}

// One more column of logits; the earlier token keeps a tie.
fn choose(run: Run, z: vec4f, noise: vec4f, column: u32) -> Run {
  let score = z / select(params.temperature, 1.0, params.temperature == 0.0) + noise;
  let ahead = (score > run.score) & vec4<bool>(column < params.V);
  return Run(run.m, run.s, select(run.score, score, ahead), select(run.z, z, ahead), select(run.token, vec4u(column), ahead));
}

// Logits as the model has them.
fn capped(z: vec4f) -> vec4f {
  if (CAP == 0.0) {
    return z;
  }
  return CAP - 2.0 * CAP / (1.0 + exp(clamp(2.0 * z / CAP, vec4f(-80.0), vec4f(80.0))));
}

// Takes four columns of logits in, a column of the matrix each, from `column` on.
fn take(before: Run, logits: mat4x4f, noise: mat4x4f, column: u32) -> Run {
  let z0 = capped(logits[0]);
  let z1 = select(vec4f(LOWEST), capped(logits[1]), column + 1u < params.V);
  let z2 = select(vec4f(LOWEST), capped(logits[2]), column + 2u < params.V);
  let z3 = select(vec4f(LOWEST), capped(logits[3]), column + 3u < params.V);
  var run = before;
  run.m = max(before.m, max(max(z0, z1), max(z2, z3)));
  run.s = before.s * share(before.m - run.m) + share(z0 - run.m) + share(z1 - run.m) + share(z2 - run.m) + share(z3 - run.m);
  run = choose(run, z0, noise[0], column);
  run = choose(run, z1, noise[1], column + 1u);
  run = choose(run, z2, noise[2], column + 2u);
  return choose(run, z3, noise[3], column + 3u);
}

// Values k..k+3 of one row of hidden, 0 past C. Rows past the end repeat the last; what they give is not stored.
fn hidden_row(row: u32, k: u32) -> vec4f {
  return select(vec4f(0.0), hidden[min(row, params.B - 1u) * (params.C / 4u) + min(k, params.C - 4u) / 4u], k < params.C);
}

fn weight_row(token: u32, k: u32) -> vec4f {
  return select(vec4f(0.0), weight[(min(token, params.V - 1u) - params.first_token) * (params.C / 4u) + min(k, params.C - 4u) / 4u], k < params.C);
}

// 64 threads fill a tile, 4x4 each, transposed in registers.
fn fill_hidden(thread: u32, row0: u32, k0: u32) {
  let row = row0 + thread / 4u * 4u;
  let k = k0 + thread % 4u * 4u;
  let block = transpose(mat4x4f(hidden_row(row, k), hidden_row(row + 1u, k), hidden_row(row + 2u, k), hidden_row(row + 3u, k)));
  let at = thread % 4u * 64u + thread / 4u;
  hidden_tile[at] = block[0];
  hidden_tile[at + 16u] = block[1];
  hidden_tile[at + 32u] = block[2];
  hidden_tile[at + 48u] = block[3];
}

fn fill_weight(thread: u32, token0: u32, k0: u32) {
  let token = token0 + thread / 4u * 4u;
  let k = k0 + thread % 4u * 4u;
  let block = transpose(mat4x4f(weight_row(token, k), weight_row(token + 1u, k), weight_row(token + 2u, k), weight_row(token + 3u, k)));
  let at = thread % 4u * 64u + thread / 4u;
  weight_tile[at] = block[0];
  weight_tile[at + 16u] = block[1];
  weight_tile[at + 32u] = block[2];
  weight_tile[at + 48u] = block[3];
}

// Merges what 16 threads know of one row, tokens in ascending order of thread; the lower token keeps a tie.
fn merge(first: u32) -> Part {
  var all = parts[first];
  for (var i = first + 1u; i < first + 16u; i++) {
    let next = parts[i];
    let m = max(all.m, next.m);
    all.s = all.s * exp(max(all.m - m, FARTHEST)) + next.s * exp(max(next.m - m, FARTHEST));
    all.m = m;
    if (next.score > all.score || (next.score == all.score && next.token < all.token)) {
      all.score = next.score;
      all.z = next.z;
      all.token = next.token;
    }
  }
  return all;
}

// Every thread brings one row of its four; a thread a row merges and stores.
fn finish(thread: u32, row: u32, part: u32, mine: Part) {
  parts[thread] = mine;
  workgroupBarrier();
  if (thread % 16u == 0u && row < params.B) {
    partials[row * params.P + part] = merge(thread);
  }
  workgroupBarrier();
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let part = params.first_token / params.width + group.x;
  let row0 = group.y * 64u;
  let row4 = thread / 16u;
  let column4 = thread % 16u;
  let row = row0 + row4 * 4u;
  let rows = min(vec4u(row) + vec4u(0u, 1u, 2u, 3u), vec4u(params.B - 1u));

  var run = start();
  let end = min((part + 1u) * params.width, params.V);
  for (var token0 = part * params.width; token0 < end; token0 += 64u) {
    var z = mat4x4f(); // a column a token, its elements four rows
    for (var k0 = 0u; k0 < params.C; k0 += 16u) {
      if (thread < 64u) {
        fill_hidden(thread, row0, k0);
      } else if (thread < 128u) {
        fill_weight(thread - 64u, token0, k0);
      }
      workgroupBarrier();
      for (var k = 0u; k < 16u; k++) {
        let left = hidden_tile[k * 16u + row4];
        let right = weight_tile[k * 16u + column4];
        z[0] += left * right.x;
        z[1] += left * right.y;
        z[2] += left * right.z;
        z[3] += left * right.w;
      }
      workgroupBarrier();
    }
    let column = token0 + column4 * 4u;
    if (column < params.V) {
      run = take(run, z, noise(rows, column), column);
    }
  }

  finish(thread, row, part, Part(run.m.x, run.s.x, run.score.x, run.z.x, run.token.x));
  finish(thread, row + 1u, part, Part(run.m.y, run.s.y, run.score.y, run.z.y, run.token.y));
  finish(thread, row + 2u, part, Part(run.m.z, run.s.z, run.score.z, run.z.z, run.token.z));
  finish(thread, row + 3u, part, Part(run.m.w, run.s.w, run.score.w, run.z.w, run.token.w));
}
