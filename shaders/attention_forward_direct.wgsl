// attention_forward_direct: attention_forward without workgroup memory or barriers, for adapters that run on a CPU:
//   out = softmax(s) v,  lse = log(sum(exp(s))),  s = scale q k^T, causal within each sequence
// Options: s becomes CAP tanh(s / CAP), as in Gemma 2 (arXiv:2408.00118, section 2); a query sees its last `window` keys.
// Source: Milakov & Gimelshein 2018, arXiv:1805.02867, algorithm 3 (online softmax), on blocks of 4 queries x 4 keys.
//
//   qkv    (N,QKV)    read   [NH query heads | NKV key heads | NKV value heads] of HS floats, rope applied
//   tiles  (NT,4)     read   sequence start, sequence end, first query of the tile, 0 (attentionTiles)
//   out    (N,NH*HS)  write
//   lse    (N,NH)     write  kept for the backward kernels
//
// Grid: (NT, NH * ceil(HS/16)) workgroups of 8 threads, each for 4 queries of a tile, a head and 16 of its output columns.
// Heads of more than 16 floats compute their scores once for every 16 columns.
struct Params {
  NH: u32,
  NKV: u32,
  HS: u32,
  window: u32, // keys a query sees, its own the last; 2^31: all
  scale: f32,
}

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read> tiles: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> lse: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

override CAP: f32 = 0.0; // scores s are bent to CAP tanh(s / CAP); 0: they are not
const MASKED = -1e30; // finite: (-inf) - (-inf) is not the same on all adapters

// acc + p v^T: row r of the result is acc[r] + p[r] v.
fn add_outer(acc: mat4x4f, p: vec4f, v: vec4f) -> mat4x4f {
  return acc + mat4x4f(p.x * v, p.y * v, p.z * v, p.w * v);
}

// acc + p v of four keys, at one vec4 column; column j of p holds four queries against key j.
fn add_keys(acc: mat4x4f, p: mat4x4f, at: vec4u) -> mat4x4f {
  let two = add_outer(add_outer(acc, p[0], qkv[at.x]), p[1], qkv[at.y]);
  return add_outer(add_outer(two, p[2], qkv[at.z]), p[3], qkv[at.w]);
}

// Products of queries and keys as scores.
fn scored(products: vec4f) -> vec4f {
  let s = products * params.scale;
  if (CAP == 0.0) {
    return s;
  }
  return CAP - 2.0 * CAP / (1.0 + exp(clamp(2.0 * s / CAP, vec4f(-80.0), vec4f(80.0))));
}

fn scale_rows(m: mat4x4f, f: vec4f) -> mat4x4f {
  return mat4x4f(f.x * m[0], f.y * m[1], f.z * m[2], f.w * m[3]);
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  // heads and parts side by side: lanes of one subgroup run the same length
  let columns = params.HS / 4u;
  let parts = (columns + 3u) / 4u;
  let item = wid.y * 8u + lid;
  let quad = item / (params.NH * parts);
  let head = item / parts % params.NH;
  let first = item % parts * 4u; // of the vec4 columns of this thread
  let owned = min(4u, columns - first);
  let tile = tiles[wid.x];
  let end = tile.y;
  let last = end - 1u;
  let queries = tile.z + 4u * quad + vec4u(0u, 1u, 2u, 3u);
  if (queries.x >= end) {
    return;
  }
  let stride = (params.NH + 2u * params.NKV) * columns;
  let k_column = (params.NH + head / (params.NH / params.NKV)) * columns;
  let v_column = k_column + params.NKV * columns + first;
  let q_at = min(queries, vec4u(last)) * stride + head * columns;

  var peak = vec4f(MASKED);
  var total = vec4f(0.0);
  var o0 = mat4x4f();
  var o1 = mat4x4f();
  var o2 = mat4x4f();
  var o3 = mat4x4f();

  let key_end = min(queries.w + 1u, end);
  let key_begin = queries.x + 1u - min(params.window, queries.x + 1u - tile.x);
  for (var key0 = key_begin; key0 < key_end; key0 += 4u) {
    // scores: column j of s holds four queries against key key0 + j
    let rows = min(key0 + vec4u(0u, 1u, 2u, 3u), vec4u(last)) * stride;
    let k_at = rows + k_column;
    var s = mat4x4f();
    for (var c = 0u; c < columns; c++) {
      let q = mat4x4f(qkv[q_at.x + c], qkv[q_at.y + c], qkv[q_at.z + c], qkv[q_at.w + c]);
      s += mat4x4f(qkv[k_at.x + c] * q, qkv[k_at.y + c] * q, qkv[k_at.z + c] * q, qkv[k_at.w + c] * q);
    }
    // query - key wraps around where the key is later: one comparison for both ends of what is seen
    let age = queries - vec4u(key0);
    let seen = vec4u(params.window);
    let s0 = select(vec4f(MASKED), scored(s[0]), age < seen);
    let s1 = select(vec4f(MASKED), scored(s[1]), age - 1u < seen);
    let s2 = select(vec4f(MASKED), scored(s[2]), age - 2u < seen);
    let s3 = select(vec4f(MASKED), scored(s[3]), age - 3u < seen);

    // online softmax: what was summed before is scaled to the new peak (a query that has met masked keys alone
    // forgets them here)
    let new_peak = max(peak, max(max(s0, s1), max(s2, s3)));
    let shrink = exp(peak - new_peak);
    peak = new_peak;
    let p = mat4x4f(exp(s0 - peak), exp(s1 - peak), exp(s2 - peak), exp(s3 - peak));
    total = total * shrink + p[0] + p[1] + p[2] + p[3];

    // out += p v
    let v_at = rows + v_column;
    o0 = add_keys(scale_rows(o0, shrink), p, v_at);
    if (owned > 1u) { o1 = add_keys(scale_rows(o1, shrink), p, v_at + 1u); }
    if (owned > 2u) { o2 = add_keys(scale_rows(o2, shrink), p, v_at + 2u); }
    if (owned > 3u) { o3 = add_keys(scale_rows(o3, shrink), p, v_at + 3u); }
  }

  // loops, not sixteen stores: CPU adapters compile a store into much code
  let blocks = array<mat4x4f, 4>(o0, o1, o2, o3);
  for (var row = queries.x; row < min(queries.x + 4u, end); row++) {
    let r = row - queries.x;
    let at = (row * params.NH + head) * columns + first;
    for (var b = 0u; b < owned; b++) {
      out[at + b] = blocks[b][r] / total[r];
    }
    if (first == 0u) {
      lse[row * params.NH + head] = peak[r] + log(total[r]);
    }
  }
}
