// head_score: per row and part of the vocabulary, from z = hidden weightᵀ that is never stored: m = max z, s = sum exp(z - m),
// t = sum exp(z - m) (z - m) and argmax z; and the target's z. head_score_merge makes log-prob and entropy of them.
// In tiles of 64x64 through workgroup memory, blocks of 4x4 in registers.
// Source: Milakov & Gimelshein 2018, arXiv:1805.02867, alg. 3 (online softmax), by blocks; the lowest index wins a tie.
//
//   hidden    (M,C)    read   final normed hidden states of the rows that carry loss; C a multiple of 4
//   weight    (V,C)    read   the LM head, its rows first_token to V - 1; first_token is where a part begins
//   targets   (M) u32  read
//   partials  (M,P,4)  write  m, s, t, argmax (u32); P parts of `width` tokens
//   logp      (M)      write  the target's z, for head_score_merge
//
// Each z is one sum over C in ascending order: a row does not depend on M.
// Grid: (parts of these rows, M/64), rounded up; a workgroup takes 64 rows through one part. width: a multiple of 64.
struct Params { M: u32, V: u32, C: u32, P: u32, width: u32, first_token: u32 }

struct Part { m: f32, s: f32, t: f32, argmax: u32 }

@group(0) @binding(0) var<storage, read> hidden: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read_write> partials: array<Part>;
@group(0) @binding(4) var<storage, read_write> logp: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

override CAP: f32 = 0.0; // logits z are bent to CAP tanh(z / CAP), as in Gemma 2 (arXiv:2408.00118, section 2); 0: they are not
const LOWEST = -1e30; // finite: -inf minus -inf differs between adapters
const FARTHEST = -80.0; // exp(-80) is 0 beside the maximum's 1

// 16 steps of k at a time: [k][row / 4] of hidden, [k][token / 4] of weight.
var<workgroup> hidden_tile: array<vec4f, 256>;
var<workgroup> weight_tile: array<vec4f, 256>;
var<workgroup> parts: array<Part, 256>;

// What four rows have seen so far; `chosen` is the target's z, LOWEST while it has not been seen.
struct Run { m: vec4f, s: vec4f, t: vec4f, argmax: vec4u, chosen: vec4f }

fn start() -> Run {
  return Run(vec4f(LOWEST), vec4f(0.0), vec4f(0.0), vec4u(0u), vec4f(LOWEST));
}

// Logits as the model has them.
fn capped(z: vec4f) -> vec4f {
  if (CAP == 0.0) {
    return z;
  }
  return CAP - 2.0 * CAP / (1.0 + exp(clamp(2.0 * z / CAP, vec4f(-80.0), vec4f(80.0))));
}

// Takes four columns of logits in, a column of the matrix each, from `column` on.
fn take(before: Run, logits: mat4x4f, target_tokens: vec4u, column: u32) -> Run {
  let z0 = capped(logits[0]);
  let z1 = select(vec4f(LOWEST), capped(logits[1]), column + 1u < params.V);
  let z2 = select(vec4f(LOWEST), capped(logits[2]), column + 2u < params.V);
  let z3 = select(vec4f(LOWEST), capped(logits[3]), column + 3u < params.V);
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

// Values k..k+3 of one row of hidden, 0 past C. Rows past the end repeat the last; what they give is not stored.
fn hidden_row(row: u32, k: u32) -> vec4f {
  return select(vec4f(0.0), hidden[min(row, params.M - 1u) * (params.C / 4u) + min(k, params.C - 4u) / 4u], k < params.C);
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

// Merges what 16 threads know of one row, tokens in ascending order of thread within 64 of them.
fn merge(first: u32) -> Part {
  var all = parts[first];
  for (var i = first + 1u; i < first + 16u; i++) {
    let next = parts[i];
    let m = max(all.m, next.m);
    let d = max(all.m - m, FARTHEST);
    let dn = max(next.m - m, FARTHEST);
    all.t = exp(d) * (all.t + d * all.s) + exp(dn) * (next.t + dn * next.s);
    all.s = exp(d) * all.s + exp(dn) * next.s;
    if (next.m > all.m || (next.m == all.m && next.argmax < all.argmax)) {
      all.argmax = next.argmax;
    }
    all.m = m;
  }
  return all;
}

// Every thread brings one row of its four; a thread a row merges and stores.
fn finish(thread: u32, row: u32, part: u32, mine: Part, chosen: f32) {
  parts[thread] = mine;
  if (chosen != LOWEST && row < params.M) {
    logp[row] = chosen;
  }
  workgroupBarrier();
  if (thread % 16u == 0u && row < params.M) {
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
  let target_tokens = four_targets(row);

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
      run = take(run, z, target_tokens, column);
    }
  }

  finish(thread, row, part, Part(run.m.x, run.s.x, run.t.x, run.argmax.x), run.chosen.x);
  finish(thread, row + 1u, part, Part(run.m.y, run.s.y, run.t.y, run.argmax.y), run.chosen.y);
  finish(thread, row + 2u, part, Part(run.m.z, run.s.z, run.t.z, run.argmax.z), run.chosen.z);
  finish(thread, row + 3u, part, Part(run.m.w, run.s.w, run.t.w, run.argmax.w), run.chosen.w);
}
