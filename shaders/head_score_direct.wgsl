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
// Grid: (P/8, M/8), rounded up; a thread takes 8 rows through one part. Eight parts share 8 width tokens, 8 in turn each; width: a
// multiple of 8.
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
