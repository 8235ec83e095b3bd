// head_score_direct: per row and part of the vocabulary, from z = hidden weightᵀ that is never stored: m = max z, s = sum exp(z - m),
// t = sum exp(z - m) (z - m) and argmax z; and the target's z. head_score_merge makes log-prob and entropy of them.
// Without workgroup memory or barriers, which cost a software adapter more than they save: a thread makes 8x8 blocks of z.
// Source: Milakov & Gimelshein 2018, arXiv:1805.02867, alg. 3 (online softmax), by blocks; the lowest index wins a tie.
//
//   hidden    (M,C)    read   final normed hidden states of the rows that carry loss; C a multiple of 4
//   weight    (V,C)    read   the LM head
//   targets   (M) u32  read
//   partials  (M,P,4)  write  m, s, t, argmax (u32); P parts of `width` tokens
//   logp      (M)      write  the target's z, for head_score_merge
//
// Each z is one sum over C in ascending order: a row does not depend on M.
// Grid: (P/8, M/8), rounded up; a thread takes 8 rows through one part. width: a multiple of 8.
struct Params { M: u32, V: u32, C: u32, P: u32, width: u32 }

struct Part { m: f32, s: f32, t: f32, argmax: u32 }

@group(0) @binding(0) var<storage, read> hidden: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read_write> partials: array<Part>;
@group(0) @binding(4) var<storage, read_write> logp: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

const LOWEST = -1e30; // finite: -inf minus -inf differs between adapters
const FARTHEST = -80.0; // exp(-80) is 0 beside the maximum's 1

// What four rows have seen so far; `chosen` is the target's z, LOWEST while it has not been seen.
struct Run { m: vec4f, s: vec4f, t: vec4f, argmax: vec4u, chosen: vec4f }

fn start() -> Run {
  return Run(vec4f(LOWEST), vec4f(0.0), vec4f(0.0), vec4u(0u), vec4f(LOWEST));
}

// Takes four columns of logits in, a column of the matrix each, from `column` on.
fn take(before: Run, logits: mat4x4f, target_tokens: vec4u, column: u32) -> Run {
  let z0 = logits[0];
  let z1 = select(vec4f(LOWEST), logits[1], column + 1u < params.V);
  let z2 = select(vec4f(LOWEST), logits[2], column + 2u < params.V);
  let z3 = select(vec4f(LOWEST), logits[3], column + 3u < params.V);
  let most = max(max(z0, z1), max(z2, z3));
  let m = max(before.m, most);

  let d = max(before.m - m, vec4f(FARTHEST));
  let d0 = max(z0 - m, vec4f(FARTHEST));
  let d1 = max(z1 - m, vec4f(FARTHEST));
  let d2 = max(z2 - m, vec4f(FARTHEST));
  let d3 = max(z3 - m, vec4f(FARTHEST));
  let e = exp(d);
  let e0 = exp(d0);
  let e1 = exp(d1);
  let e2 = exp(d2);
  let e3 = exp(d3);

  let first = vec4u(column) + select(select(select(vec4u(3u), vec4u(2u), z2 == most), vec4u(1u), z1 == most), vec4u(0u), z0 == most);
  var chosen = select(before.chosen, z0, target_tokens == vec4u(column));
  chosen = select(chosen, z1, target_tokens == vec4u(column + 1u));
  chosen = select(chosen, z2, target_tokens == vec4u(column + 2u));
  chosen = select(chosen, z3, target_tokens == vec4u(column + 3u));
  return Run(
    m,
    e * before.s + (e0 + e1 + e2 + e3),
    e * (before.t + d * before.s) + (e0 * d0 + e1 * d1 + e2 * d2 + e3 * d3),
    select(before.argmax, first, most > before.m),
    chosen
  );
}

fn four_targets(row: u32) -> vec4u {
  let last = params.M - 1u;
  return vec4u(targets[min(row, last)], targets[min(row + 1u, last)], targets[min(row + 2u, last)], targets[min(row + 3u, last)]);
}

// Where four rows start. Rows past the end repeat the last; what they give is not stored.
fn starts(first: u32, count: u32) -> vec4u {
  return min(vec4u(first) + vec4u(0u, 1u, 2u, 3u), vec4u(count - 1u)) * (params.C / 4u);
}

// Four values of each of four rows of hidden: a k a column of the matrix.
fn hidden_block(rows: vec4u, k: u32) -> mat4x4f {
  return transpose(mat4x4f(hidden[rows.x + k], hidden[rows.y + k], hidden[rows.z + k], hidden[rows.w + k]));
}

// Four values of each of four tokens' weights: a token a column of the matrix.
fn weight_block(tokens: vec4u, k: u32) -> mat4x4f {
  return mat4x4f(weight[tokens.x + k], weight[tokens.y + k], weight[tokens.z + k], weight[tokens.w + k]);
}

fn store(row: u32, part: u32, mine: Part, chosen: f32) {
  if (row < params.M && part < params.P) {
    partials[row * params.P + part] = mine;
    if (chosen != LOWEST) {
      logp[row] = chosen;
    }
  }
}

fn store_rows(row: u32, part: u32, run: Run) {
  store(row, part, Part(run.m.x, run.s.x, run.t.x, run.argmax.x), run.chosen.x);
  store(row + 1u, part, Part(run.m.y, run.s.y, run.t.y, run.argmax.y), run.chosen.y);
  store(row + 2u, part, Part(run.m.z, run.s.z, run.t.z, run.argmax.z), run.chosen.z);
  store(row + 3u, part, Part(run.m.w, run.s.w, run.t.w, run.argmax.w), run.chosen.w);
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let part = group.x * 8u + lane;
  let row = group.y * 8u;
  let top_targets = four_targets(row);
  let bottom_targets = four_targets(row + 4u);
  let top_at = starts(row, params.M);
  let bottom_at = starts(row + 4u, params.M);

  var top = start();
  var bottom = start();
  let end = min((part + 1u) * params.width, params.V);
  for (var column = part * params.width; column < end; column += 8u) {
    let left_at = starts(column, params.V);
    let right_at = starts(column + 4u, params.V);
    // a column of each matrix is a token, its elements four rows
    var top_left = mat4x4f();
    var top_right = mat4x4f();
    var bottom_left = mat4x4f();
    var bottom_right = mat4x4f();
    for (var k = 0u; k < params.C / 4u; k++) {
      let above = hidden_block(top_at, k);
      let below = hidden_block(bottom_at, k);
      let left = weight_block(left_at, k);
      let right = weight_block(right_at, k);
      top_left += above * left;
      top_right += above * right;
      bottom_left += below * left;
      bottom_right += below * right;
    }
    top = take(top, top_left, top_targets, column);
    bottom = take(bottom, bottom_left, bottom_targets, column);
    if (column + 4u < params.V) {
      top = take(top, top_right, top_targets, column + 4u);
      bottom = take(bottom, bottom_right, bottom_targets, column + 4u);
    }
  }
  store_rows(row, part, top);
  store_rows(row + 4u, part, bottom);
}
