// attention_backward_dq: dq = scale ds k,  ds = p * (dout v^T - delta),  p = exp(s - lse),  s = scale q k^T, causal
// Options as in the forward: with CAP, ds is multiplied by 1 - (s / CAP)^2; pairs outside the window are 0.
// Source: Dao 2023 (FlashAttention-2), arXiv:2307.08691, algorithm 2.
//
//   qkv    (N,QKV)    read   [NH query heads | NKV key heads | NKV value heads] of HS floats, rope applied
//   out    (N,NH*HS)  read   of attention_forward
//   dout   (N,NH*HS)  read
//   lse    (N,NH)     read   of attention_forward
//   delta  (N,NH)     write  sum over the head of dout * out, for attention_backward_dkv
//   tiles  (NT,4)     read   sequence start, sequence end, first query of the tile, 0 (attentionTiles)
//   dqkv   (N,QKV)    write  its query heads; the rest is left to attention_backward_dkv
//
// Grid: (NT, NH * ceil(HS/128)), one workgroup for 32 queries of a head and 128 of its columns of dq. Thread (tx, ty) of 8x8
// owns queries 4*ty + 0..3; of a tile of 32 keys it handles keys tx + 8*i, and of dq it owns vec4 columns tx + 8*i,
// i = 0..3. Blocks of 4x4 are matrices.
struct Params {
  NH: u32,
  NKV: u32,
  HS: u32,
  window: u32, // keys a query sees, its own the last; 2^31: all
  scale: f32,
}

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read> out: array<vec4f>;
@group(0) @binding(2) var<storage, read> dout: array<vec4f>;
@group(0) @binding(3) var<storage, read> lse: array<f32>;
@group(0) @binding(4) var<storage, read_write> delta: array<f32>;
@group(0) @binding(5) var<storage, read> tiles: array<vec4u>;
@group(0) @binding(6) var<storage, read_write> dqkv: array<vec4f>;
@group(0) @binding(7) var<uniform> params: Params;

override CAP: f32 = 0.0; // scores s are bent to CAP tanh(s / CAP); 0: they are not
override BLOCKS: u32; // ceil(HS / 32), at most 4: 4x4 blocks of a result a thread holds; what lies beyond is compiled away
const TILE = 32u;
const CHUNK = 16u; // vec4 columns staged at a time: heads of more than 64 floats come in chunks
const STRIDE = 17u; // one more, so that eight rows lie in eight banks

var<workgroup> staged: array<vec4f, 544>; // (TILE, STRIDE) of k, of v, and of k again
var<workgroup> dscores: array<vec4f, 256>; // (TILE keys, 8): ds of four queries

// Copies `width` vec4 columns of 32 rows of qkv; rows past `last` repeat it, and are masked.
fn stage(lid: vec3u, row: u32, last: u32, stride: u32, column: u32, width: u32) {
  for (var r = lid.y; r < TILE; r += 8u) {
    let at = min(row + r, last) * stride + column;
    for (var c = lid.x; c < width; c += 8u) {
      staged[r * STRIDE + c] = qkv[at + c];
    }
  }
}

// Four rows against the four staged rows of this thread: column i is row tx + 8 i.
fn dots(tx: u32, c: u32, rows: mat4x4f) -> mat4x4f {
  let at = tx * STRIDE + c;
  return mat4x4f(
    staged[at] * rows,
    staged[at + 8u * STRIDE] * rows,
    staged[at + 16u * STRIDE] * rows,
    staged[at + 24u * STRIDE] * rows,
  );
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

// From the gradient of bent scores to that of the scores as they were.
fn unbent(gradient: vec4f, score: vec4f) -> vec4f {
  if (CAP == 0.0) {
    return gradient;
  }
  return gradient * (1.0 - (score / CAP) * (score / CAP));
}

// Writes the rows of a block that lie before `end`.
fn write_rows(m: mat4x4f, row: u32, end: u32, stride: u32, column: u32) {
  let at = row * stride + column;
  if (row < end) { dqkv[at] = m[0]; }
  if (row + 1u < end) { dqkv[at + stride] = m[1]; }
  if (row + 2u < end) { dqkv[at + 2u * stride] = m[2]; }
  if (row + 3u < end) { dqkv[at + 3u * stride] = m[3]; }
}

// delta = sum over the head of dout * out, of four rows (FlashAttention-2, algorithm 2, line 4).
fn row_deltas(at: vec4u, columns: u32) -> vec4f {
  var sum = vec4f(0.0);
  for (var c = 0u; c < columns; c++) {
    let i = at + c;
    sum += vec4f(
      dot(out[i.x], dout[i.x]),
      dot(out[i.y], dout[i.y]),
      dot(out[i.z], dout[i.z]),
      dot(out[i.w], dout[i.w]),
    );
  }
  return sum;
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
  let first = wid.y % parts * 32u; // of the vec4 columns of this workgroup's dq
  let owned = min(32u, columns - first);
  let wide = max(owned, CHUNK) - CHUNK; // of its second chunk
  let stride = (params.NH + 2u * params.NKV) * columns;
  let k_column = (params.NH + head / (params.NH / params.NKV)) * columns;
  let v_column = k_column + params.NKV * columns;
  let queries = tile.z + 4u * ty + vec4u(0u, 1u, 2u, 3u);
  let rows = min(queries, vec4u(last));
  let q_at = rows * stride + head * columns;
  let dout_at = rows * params.NH * columns + head * columns;
  let stat = rows * params.NH + head;
  let row_lse = vec4f(lse[stat.x], lse[stat.y], lse[stat.z], lse[stat.w]);
  let row_delta = row_deltas(dout_at, columns);
  if (tx == 0u && first == 0u) {
    for (var row = queries.x; row < min(queries.x + 4u, tile.y); row++) {
      delta[row * params.NH + head] = row_delta[row - queries.x];
    }
  }

  var dq0 = mat4x4f();
  var dq1 = mat4x4f();
  var dq2 = mat4x4f();
  var dq3 = mat4x4f();

  let key_end = min(tile.z + TILE, tile.y);
  let key_begin = tile.z + 1u - min(params.window, tile.z + 1u - tile.x);
  for (var key0 = key_begin; key0 < key_end; key0 += TILE) {
    // s = q k^T
    var s = mat4x4f();
    for (var c0 = 0u; c0 < columns; c0 += CHUNK) {
      let width = min(CHUNK, columns - c0);
      stage(lid, key0, last, stride, k_column + c0, width);
      workgroupBarrier();
      for (var c = 0u; c < width; c++) {
        let at = q_at + c0 + c;
        s += dots(tx, c, mat4x4f(qkv[at.x], qkv[at.y], qkv[at.z], qkv[at.w]));
      }
      workgroupBarrier();
    }

    // dp = dout v^T
    var dp = mat4x4f();
    for (var c0 = 0u; c0 < columns; c0 += CHUNK) {
      let width = min(CHUNK, columns - c0);
      stage(lid, key0, last, stride, v_column + c0, width);
      workgroupBarrier();
      for (var c = 0u; c < width; c++) {
        let at = dout_at + c0 + c;
        dp += dots(tx, c, mat4x4f(dout[at.x], dout[at.y], dout[at.z], dout[at.w]));
      }
      workgroupBarrier();
    }

    // ds = p * (dp - delta), 0 where masked; p <= 1 whatever the rounding; query - key wraps around where the key is later
    for (var i = 0u; i < 4u; i++) {
      let key = tx + 8u * i;
      let score = scored(s[i]);
      let p = exp(min(score - row_lse, vec4f(0.0)));
      let ds = unbent(p * (dp[i] - row_delta), score);
      dscores[key * 8u + ty] = select(vec4f(0.0), ds, queries - vec4u(key0 + key) < vec4u(params.window));
    }

    // dq += ds k
    let keys = min(TILE, key_end - key0);
    stage(lid, key0, last, stride, k_column + first, min(CHUNK, owned));
    workgroupBarrier();
    if (tx < owned) {
      for (var j = 0u; j < keys; j++) {
        let ds = dscores[j * 8u + ty];
        dq0 = add_outer(dq0, ds, staged[j * STRIDE + tx]);
        if (BLOCKS > 1u) { dq1 = add_outer(dq1, ds, staged[j * STRIDE + tx + 8u]); }
      }
    }
    workgroupBarrier();
    if (BLOCKS > 2u) {
      stage(lid, key0, last, stride, k_column + first + CHUNK, wide);
      workgroupBarrier();
      for (var j = 0u; j < keys; j++) {
        let ds = dscores[j * 8u + ty];
        dq2 = add_outer(dq2, ds, staged[j * STRIDE + tx]);
        if (BLOCKS > 3u) { dq3 = add_outer(dq3, ds, staged[j * STRIDE + tx + 8u]); }
      }
      workgroupBarrier();
    }
  }

  let column = head * columns + first + tx;
  if (tx < owned) { write_rows(params.scale * dq0, queries.x, tile.y, stride, column); }
  if (tx + 8u < owned) { write_rows(params.scale * dq1, queries.x, tile.y, stride, column + 8u); }
  if (tx + 16u < owned) { write_rows(params.scale * dq2, queries.x, tile.y, stride, column + 16u); }
  if (tx + 24u < owned) { write_rows(params.scale * dq3, queries.x, tile.y, stride, column + 24u); }
}
