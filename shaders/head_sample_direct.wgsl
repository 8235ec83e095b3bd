// head_sample_direct: per row and part of the vocabulary, from z = hidden weightᵀ that is never stored: m = max z, s = sum exp(z - m) and the
// best draw, argmax(z / temperature + g), with its z. head_sample_merge makes a token of the parts.
// Without workgroup memory or barriers, which cost a software adapter more than they save: a thread makes 8x8 blocks of z.
// Source: Gumbel-max, Maddison et al. 2014, arXiv:1411.0030, section 3, by tiles as in arXiv:2603.15854; g from Philox4x32-10,
// Salmon et al. 2011 (SC11), counted as in sample.wgsl: (sequence id, position, token/4, 0).
//
//   hidden     (B,C)    read   final normed hidden states; C a multiple of 4
//   weight     (V,C)    read   the LM head
//   positions  (B) u32  read
//   slots      (B) u32  read   0xffffffff: the row is skipped
//   state      (B,4)    read   the sequence id is its first u32
//   partials   (B,P,5)  write  m, s, score, z, token (u32); P parts of `width` tokens
//
// Each z is one sum over C in ascending order: a row's draw depends neither on B nor on the tiling. temperature 0 is greedy.
// Grid: (P/8, B/8), rounded up; a thread takes 8 rows through one part. Eight parts share 8 width tokens, 8 in turn each; width: a
// multiple of 8.
struct Params {
  B: u32,
  V: u32,
  C: u32,
  P: u32,
  width: u32,
  seed_lo: u32,
  seed_hi: u32,
  temperature: f32,
}

struct Part { m: f32, s: f32, score: f32, z: f32, token: u32 }

@group(0) @binding(0) var<storage, read> hidden: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> positions: array<u32>;
@group(0) @binding(3) var<storage, read> slots: array<u32>;
@group(0) @binding(4) var<storage, read> state: array<vec4u>;
@group(0) @binding(5) var<storage, read_write> partials: array<Part>;
@group(0) @binding(6) var<uniform> params: Params;

const NONE = 0xffffffffu;
const LOWEST = -1e30; // finite: -inf minus -inf differs between adapters
const FARTHEST = -80.0; // exp(-80) is 0 beside the maximum's 1

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

// Takes four columns of logits in, a column of the matrix each, from `column` on.
fn take(before: Run, logits: mat4x4f, noise: mat4x4f, column: u32) -> Run {
  let z0 = logits[0];
  let z1 = select(vec4f(LOWEST), logits[1], column + 1u < params.V);
  let z2 = select(vec4f(LOWEST), logits[2], column + 2u < params.V);
  let z3 = select(vec4f(LOWEST), logits[3], column + 3u < params.V);
  var run = before;
  run.m = max(before.m, max(max(z0, z1), max(z2, z3)));
  run.s = before.s * share(before.m - run.m) + share(z0 - run.m) + share(z1 - run.m) + share(z2 - run.m) + share(z3 - run.m);
  run = choose(run, z0, noise[0], column);
  run = choose(run, z1, noise[1], column + 1u);
  run = choose(run, z2, noise[2], column + 2u);
  return choose(run, z3, noise[3], column + 3u);
}

// Where four rows start. Rows past the end repeat the last; what they give is not stored.
fn starts(first: u32, count: u32) -> vec4u {
  return min(vec4u(first) + vec4u(0u, 1u, 2u, 3u), vec4u(count - 1u)) * (params.C / 4u);
}

// Four values of each of four rows of hidden: a k a column of the matrix.
fn hidden_block(rows: vec4u, k: u32) -> mat4x4f {
  return transpose(mat4x4f(hidden[rows.x + k], hidden[rows.y + k], hidden[rows.z + k], hidden[rows.w + k]));
}

fn store(row: u32, part: u32, m: f32, s: f32, score: f32, z: f32, token: u32) {
  if (row < params.B && part < params.P) {
    partials[row * params.P + part] = Part(m, s, score, z, token);
  }
}

fn store_rows(row: u32, part: u32, run: Run) {
  store(row, part, run.m.x, run.s.x, run.score.x, run.z.x, run.token.x);
  store(row + 1u, part, run.m.y, run.s.y, run.score.y, run.z.y, run.token.y);
  store(row + 2u, part, run.m.z, run.s.z, run.score.z, run.z.z, run.token.z);
  store(row + 3u, part, run.m.w, run.s.w, run.score.w, run.z.w, run.token.w);
}

fn all_skipped(row: u32) -> bool {
  var skipped = true;
  for (var i = row; i < min(row + 8u, params.B); i++) {
    skipped = skipped && slots[i] == NONE;
  }
  return skipped;
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let part = group.x * 8u + lane;
  let row = group.y * 8u;
  if (all_skipped(row)) {
    return;
  }
  let last = vec4u(params.B - 1u);
  let top_rows = min(vec4u(row) + vec4u(0u, 1u, 2u, 3u), last);
  let bottom_rows = min(vec4u(row) + vec4u(4u, 5u, 6u, 7u), last);
  let top_at = starts(row, params.B);
  let bottom_at = starts(row + 4u, params.B);

  var top = start();
  var bottom = start();
  let first = group.x * 8u * params.width + lane * 8u;
  let end = min((group.x + 1u) * 8u * params.width, params.V);
  for (var column = first; column < end; column += 64u) {
    let left_at = starts(column, params.V);
    let right_at = starts(column + 4u, params.V);
    // z of four rows (above, below) and one token each
    var above0 = vec4f();
    var below0 = vec4f();
    var above1 = vec4f();
    var below1 = vec4f();
    var above2 = vec4f();
    var below2 = vec4f();
    var above3 = vec4f();
    var below3 = vec4f();
    var above4 = vec4f();
    var below4 = vec4f();
    var above5 = vec4f();
    var below5 = vec4f();
    var above6 = vec4f();
    var below6 = vec4f();
    var above7 = vec4f();
    var below7 = vec4f();
    for (var k = 0u; k < params.C / 4u; k++) {
      let above = hidden_block(top_at, k);
      let below = hidden_block(bottom_at, k);
      let token0 = weight[left_at.x + k];
      let token1 = weight[left_at.y + k];
      let token2 = weight[left_at.z + k];
      let token3 = weight[left_at.w + k];
      let token4 = weight[right_at.x + k];
      let token5 = weight[right_at.y + k];
      let token6 = weight[right_at.z + k];
      let token7 = weight[right_at.w + k];
      above0 += above[0] * token0.x;
      below0 += below[0] * token0.x;
      above1 += above[0] * token1.x;
      below1 += below[0] * token1.x;
      above2 += above[0] * token2.x;
      below2 += below[0] * token2.x;
      above3 += above[0] * token3.x;
      below3 += below[0] * token3.x;
      above4 += above[0] * token4.x;
      below4 += below[0] * token4.x;
      above5 += above[0] * token5.x;
      below5 += below[0] * token5.x;
      above6 += above[0] * token6.x;
      below6 += below[0] * token6.x;
      above7 += above[0] * token7.x;
      below7 += below[0] * token7.x;
      above0 += above[1] * token0.y;
      below0 += below[1] * token0.y;
      above1 += above[1] * token1.y;
      below1 += below[1] * token1.y;
      above2 += above[1] * token2.y;
      below2 += below[1] * token2.y;
      above3 += above[1] * token3.y;
      below3 += below[1] * token3.y;
      above4 += above[1] * token4.y;
      below4 += below[1] * token4.y;
      above5 += above[1] * token5.y;
      below5 += below[1] * token5.y;
      above6 += above[1] * token6.y;
      below6 += below[1] * token6.y;
      above7 += above[1] * token7.y;
      below7 += below[1] * token7.y;
      above0 += above[2] * token0.z;
      below0 += below[2] * token0.z;
      above1 += above[2] * token1.z;
      below1 += below[2] * token1.z;
      above2 += above[2] * token2.z;
      below2 += below[2] * token2.z;
      above3 += above[2] * token3.z;
      below3 += below[2] * token3.z;
      above4 += above[2] * token4.z;
      below4 += below[2] * token4.z;
      above5 += above[2] * token5.z;
      below5 += below[2] * token5.z;
      above6 += above[2] * token6.z;
      below6 += below[2] * token6.z;
      above7 += above[2] * token7.z;
      below7 += below[2] * token7.z;
      above0 += above[3] * token0.w;
      below0 += below[3] * token0.w;
      above1 += above[3] * token1.w;
      below1 += below[3] * token1.w;
      above2 += above[3] * token2.w;
      below2 += below[3] * token2.w;
      above3 += above[3] * token3.w;
      below3 += below[3] * token3.w;
      above4 += above[3] * token4.w;
      below4 += below[3] * token4.w;
      above5 += above[3] * token5.w;
      below5 += below[3] * token5.w;
      above6 += above[3] * token6.w;
      below6 += below[3] * token6.w;
      above7 += above[3] * token7.w;
      below7 += below[3] * token7.w;
    }
    let top_left = mat4x4f(above0, above1, above2, above3);
    let top_right = mat4x4f(above4, above5, above6, above7);
    let bottom_left = mat4x4f(below0, below1, below2, below3);
    let bottom_right = mat4x4f(below4, below5, below6, below7);
    top = take(top, top_left, noise(top_rows, column), column);
    bottom = take(bottom, bottom_left, noise(bottom_rows, column), column);
    if (column + 4u < params.V) {
      top = take(top, top_right, noise(top_rows, column + 4u), column + 4u);
      bottom = take(bottom, bottom_right, noise(bottom_rows, column + 4u), column + 4u);
    }
  }
  store_rows(row, part, top);
  store_rows(row + 4u, part, bottom);
}
