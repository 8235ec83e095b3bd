// attention_forward_subgroup: attention_forward_direct, with keys and values shared through subgroups of 4 threads or more:
//   out = softmax(s) v,  lse = log(sum(exp(s))),  s = scale q k^T, causal within each sequence
// Options: s becomes CAP tanh(s / CAP), as in Gemma 2 (arXiv:2408.00118, section 2); a query sees its last `window` keys.
// Source: Milakov & Gimelshein 2018, arXiv:1805.02867, algorithm 3 (online softmax), on blocks of 4 queries x 4 keys.
//
//   qkv    (N,QKV)    read   [NH query heads | NKV key heads | NKV value heads] of HS floats, rope applied
//   tiles  (NT,4)     read   sequence start, sequence end, first query of the tile, 0 (attentionTiles)
//   out    (N,NH*HS)  write
//   lse    (N,NH)     write  kept for the backward kernels
//
// Of four keys, each of a subgroup's first four lanes loads one, and all take them by broadcast: all threads of a workgroup
// look at the same keys. They are query heads of one kv head side by side, and blocks of 4 queries behind one another.
// Grid: (NT, NH * ceil(HS/16)) workgroups of 8 threads, each for 4 queries of a tile, a head and 16 of its output columns.
enable subgroups;

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

// Query heads side by side in a workgroup: the largest of 8, 4, 2, 1 that divides those of a kv head.
fn side_by_side(group: u32) -> u32 {
  return select(select(select(1u, 2u, group % 2u == 0u), 4u, group % 4u == 0u), 8u, group % 8u == 0u);
}

// Four vec4: the rows that lanes 0..3 hold, as the columns of a matrix.
fn share(own: vec4f) -> mat4x4f {
  return mat4x4f(
    subgroupBroadcast(own, 0u),
    subgroupBroadcast(own, 1u),
    subgroupBroadcast(own, 2u),
    subgroupBroadcast(own, 3u),
  );
}

// Four rows against four others, at one vec4 column: column j holds the rows of `q` against row j of `k`.
fn dots(q: mat4x4f, k: mat4x4f) -> mat4x4f {
  return mat4x4f(k[0] * q, k[1] * q, k[2] * q, k[3] * q);
}

// acc + p v: row r of the result gains the four rows of v, weighted by row r of p; column j of p belongs to row j of v.
fn add_rows(acc: mat4x4f, p: mat4x4f, v: mat4x4f) -> mat4x4f {
  return acc + v * transpose(p);
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

// Four queries at one vec4 column.
fn query_block(at: vec4u) -> mat4x4f {
  return mat4x4f(qkv[at.x], qkv[at.y], qkv[at.z], qkv[at.w]);
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(local_invocation_index) lid: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let columns = params.HS / 4u;
  let parts = (columns + 3u) / 4u;
  let side = side_by_side(params.NH / params.NKV);
  let first = wid.y % parts * 4u; // of the vec4 columns of this thread
  let owned = min(4u, columns - first);
  let split = wid.y / parts % side; // of the tile's queries, 32 / side to a workgroup
  let heads = wid.y / parts / side * side; // the first of them
  let head = heads + lid % side;
  let tile = tiles[wid.x];
  let end = tile.y;
  let last = end - 1u;
  let query0 = tile.z + split * (32u / side);
  if (query0 >= end) {
    return;
  }
  let queries = query0 + 4u * (lid / side) + vec4u(0u, 1u, 2u, 3u);
  let stride = (params.NH + 2u * params.NKV) * columns;
  let k_column = (params.NH + heads / (params.NH / params.NKV)) * columns;
  let v_column = k_column + params.NKV * columns + first;
  let q_at = min(queries, vec4u(last)) * stride + head * columns;

  // The first 16 columns of the queries stay with the thread: all of them for small heads.
  let most = columns - 1u;
  let q0 = query_block(q_at);
  let q1 = query_block(q_at + min(1u, most));
  let q2 = query_block(q_at + min(2u, most));
  let q3 = query_block(q_at + min(3u, most));

  var peak = vec4f(MASKED);
  var total = vec4f(0.0);
  var o0 = mat4x4f();
  var o1 = mat4x4f();
  var o2 = mat4x4f();
  var o3 = mat4x4f();

  let key_end = min(query0 + 32u / side, end);
  let key_begin = query0 + 1u - min(params.window, query0 + 1u - tile.x);
  for (var key0 = key_begin; key0 < key_end; key0 += 4u) {
    // scores: column j of s holds four queries against key key0 + j
    let row = min(key0 + lane % 4u, last) * stride;
    let k_at = row + k_column;
    var s = dots(q0, share(qkv[k_at]));
    if (columns > 1u) { s += dots(q1, share(qkv[k_at + 1u])); }
    if (columns > 2u) { s += dots(q2, share(qkv[k_at + 2u])); }
    if (columns > 3u) { s += dots(q3, share(qkv[k_at + 3u])); }
    for (var c = 4u; c < columns; c++) {
      s += dots(query_block(q_at + c), share(qkv[k_at + c]));
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
    let v_at = row + v_column;
    o0 = add_rows(scale_rows(o0, shrink), p, share(qkv[v_at]));
    if (owned > 1u) { o1 = add_rows(scale_rows(o1, shrink), p, share(qkv[v_at + 1u])); }
    if (owned > 2u) { o2 = add_rows(scale_rows(o2, shrink), p, share(qkv[v_at + 2u])); }
    if (owned > 3u) { o3 = add_rows(scale_rows(o3, shrink), p, share(qkv[v_at + 3u])); }
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
