// attention_forward: out = softmax(s) v,  lse = log(sum(exp(s))),  s = scale q k^T, causal within each sequence
// Options: s becomes CAP tanh(s / CAP), as in Gemma 2 (arXiv:2408.00118, section 2); a query sees its last `window` keys.
// Source: Dao 2023 (FlashAttention-2), arXiv:2307.08691, algorithm 1; grouped heads: Ainslie et al. 2023, arXiv:2305.13245.
//
//   qkv    (N,QKV)    read   [NH query heads | NKV key heads | NKV value heads] of HS floats, rope applied
//   tiles  (NT,4)     read   sequence start, sequence end, first query of the tile, 0 (attentionTiles)
//   out    (N,NH*HS)  write
//   lse    (N,NH)     write  kept for the backward kernels
//
// Grid: (NT, NH * ceil(HS/128)), one workgroup for 32 queries of a head and 128 of its output columns. Thread (tx, ty) of
// 8x8 owns queries 4*ty + 0..3; of a tile of 32 keys it scores keys tx + 8*i, and of the output it owns vec4 columns
// tx + 8*i, i = 0..3. Blocks of 4x4 are matrices.
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
override BLOCKS: u32; // ceil(HS / 32), at most 4: 4x4 blocks of a result a thread holds; what lies beyond is compiled away
const TILE = 32u;
const CHUNK = 16u; // vec4 columns staged at a time: heads of more than 64 floats come in chunks
const STRIDE = 17u; // one more, so that eight rows lie in eight banks
const MASKED = -1e30; // finite: (-inf) - (-inf) is not the same on all adapters

var<workgroup> staged: array<vec4f, 544>; // (TILE, STRIDE) of k, then of v
var<workgroup> weights: array<vec4f, 256>; // (TILE keys, 8): softmax weights of four queries
var<workgroup> peaks: array<vec4f, 64>;

// Copies `width` vec4 columns of 32 rows of qkv; rows past `last` repeat it, and are masked.
fn stage(lid: vec3u, row: u32, last: u32, stride: u32, column: u32, width: u32) {
  for (var r = lid.y; r < TILE; r += 8u) {
    let at = min(row + r, last) * stride + column;
    for (var c = lid.x; c < width; c += 8u) {
      staged[r * STRIDE + c] = qkv[at + c];
    }
  }
}

// acc + p v^T: row r of the result is acc[r] + p[r] v.
fn add_outer(acc: mat4x4f, p: vec4f, v: vec4f) -> mat4x4f {
  return acc + mat4x4f(p.x * v, p.y * v, p.z * v, p.w * v);
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

// Writes the rows of a block that lie before `end`.
fn write_rows(m: mat4x4f, row: u32, end: u32, column: u32) {
  let stride = params.NH * params.HS / 4u;
  let at = row * stride + column;
  if (row < end) { out[at] = m[0]; }
  if (row + 1u < end) { out[at + stride] = m[1]; }
  if (row + 2u < end) { out[at + 2u * stride] = m[2]; }
  if (row + 3u < end) { out[at + 3u * stride] = m[3]; }
}

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_id) lid: vec3u) {
  let tx = lid.x;
  let ty = lid.y;
  let tile = tiles[wid.x];
  let last = tile.y - 1u;
  let columns = params.HS / 4u;
  let parts = (columns + 31u) / 32u;
  let head = wid.y / parts;
  let first = wid.y % parts * 32u; // of the vec4 columns of this workgroup's output
  let owned = min(32u, columns - first);
  let wide = max(owned, CHUNK) - CHUNK; // of its second chunk
  let stride = (params.NH + 2u * params.NKV) * columns;
  let k_column = (params.NH + head / (params.NH / params.NKV)) * columns;
  let v_column = k_column + params.NKV * columns + first;
  let queries = tile.z + 4u * ty + vec4u(0u, 1u, 2u, 3u);
  let q_at = min(queries, vec4u(last)) * stride + head * columns;

  var peak = vec4f(MASKED);
  var total = vec4f(0.0);
  var o0 = mat4x4f();
  var o1 = mat4x4f();
  var o2 = mat4x4f();
  var o3 = mat4x4f();

  let key_end = min(tile.z + TILE, tile.y);
  let key_begin = tile.z + 1u - min(params.window, tile.z + 1u - tile.x);
  for (var key0 = key_begin; key0 < key_end; key0 += TILE) {
    // scores: column i of s holds four queries against key tx + 8 i
    var s = mat4x4f();
    for (var c0 = 0u; c0 < columns; c0 += CHUNK) {
      let width = min(CHUNK, columns - c0);
      stage(lid, key0, last, stride, k_column + c0, width);
      workgroupBarrier();
      for (var c = 0u; c < width; c++) {
        let at = q_at + c0 + c;
        let q = mat4x4f(qkv[at.x], qkv[at.y], qkv[at.z], qkv[at.w]);
        let k = tx * STRIDE + c;
        s += mat4x4f(
          staged[k] * q,
          staged[k + 8u * STRIDE] * q,
          staged[k + 16u * STRIDE] * q,
          staged[k + 24u * STRIDE] * q,
        );
      }
      workgroupBarrier();
    }
    // query - key wraps around where the key is later: one comparison for both ends of what is seen
    let age = queries - vec4u(key0 + tx);
    let seen = vec4u(params.window);
    let s0 = select(vec4f(MASKED), scored(s[0]), age < seen);
    let s1 = select(vec4f(MASKED), scored(s[1]), age - 8u < seen);
    let s2 = select(vec4f(MASKED), scored(s[2]), age - 16u < seen);
    let s3 = select(vec4f(MASKED), scored(s[3]), age - 24u < seen);
    peaks[ty * 8u + tx] = max(max(s0, s1), max(s2, s3));
    workgroupBarrier();

    // online softmax: what was summed before is scaled to the new peak (a query that has met masked keys alone
    // forgets them here)
    var new_peak = peak;
    for (var i = 0u; i < 8u; i++) {
      new_peak = max(new_peak, peaks[ty * 8u + i]);
    }
    let shrink = exp(peak - new_peak);
    peak = new_peak;
    weights[tx * 8u + ty] = exp(s0 - peak);
    weights[(tx + 8u) * 8u + ty] = exp(s1 - peak);
    weights[(tx + 16u) * 8u + ty] = exp(s2 - peak);
    weights[(tx + 24u) * 8u + ty] = exp(s3 - peak);
    total *= shrink;
    o0 = scale_rows(o0, shrink);
    if (BLOCKS > 1u) { o1 = scale_rows(o1, shrink); }
    if (BLOCKS > 2u) { o2 = scale_rows(o2, shrink); }
    if (BLOCKS > 3u) { o3 = scale_rows(o3, shrink); }

    // out += weights v
    let keys = min(TILE, key_end - key0);
    stage(lid, key0, last, stride, v_column, min(CHUNK, owned));
    workgroupBarrier();
    if (tx < owned) {
      for (var j = 0u; j < keys; j++) {
        let p = weights[j * 8u + ty];
        total += p;
        o0 = add_outer(o0, p, staged[j * STRIDE + tx]);
        if (BLOCKS > 1u) { o1 = add_outer(o1, p, staged[j * STRIDE + tx + 8u]); }
      }
    }
    workgroupBarrier();
    if (BLOCKS > 2u) {
      stage(lid, key0, last, stride, v_column + CHUNK, wide);
      workgroupBarrier();
      for (var j = 0u; j < keys; j++) {
        let p = weights[j * 8u + ty];
        o2 = add_outer(o2, p, staged[j * STRIDE + tx]);
        if (BLOCKS > 3u) { o3 = add_outer(o3, p, staged[j * STRIDE + tx + 8u]); }
      }
      workgroupBarrier();
    }
  }

  let column = head * columns + first + tx;
  let share = 1.0 / total;
  if (tx < owned) { write_rows(scale_rows(o0, share), queries.x, tile.y, column); }
  if (tx + 8u < owned) { write_rows(scale_rows(o1, share), queries.x, tile.y, column + 8u); }
  if (tx + 16u < owned) { write_rows(scale_rows(o2, share), queries.x, tile.y, column + 16u); }
  if (tx + 24u < owned) { write_rows(scale_rows(o3, share), queries.x, tile.y, column + 24u); }
  if (tx == 0u && first == 0u) {
    let value = peak + log(total);
    let at = queries * params.NH + head;
    if (queries.x < tile.y) { lse[at.x] = value.x; }
    if (queries.y < tile.y) { lse[at.y] = value.y; }
    if (queries.z < tile.y) { lse[at.z] = value.z; }
    if (queries.w < tile.y) { lse[at.w] = value.w; }
  }
}
