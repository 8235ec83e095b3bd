// attention_backward_dkv: dv = p^T dout,  dk = scale ds^T q,  summed over the query heads that share the kv head;
//   p = exp(s - lse),  s = scale q k^T,  ds = p * (dout v^T - delta), causal
// Options as in the forward: with CAP, ds is multiplied by 1 - (s / CAP)^2; pairs outside the window are 0.
// Source: Dao 2023 (FlashAttention-2), arXiv:2307.08691, algorithm 2.
//
//   qkv    (N,QKV)    read   [NH query heads | NKV key heads | NKV value heads] of HS floats, rope applied
//   dout   (N,NH*HS)  read
//   lse    (N,NH)     read   of attention_forward
//   delta  (N,NH)     read   of attention_backward_dq
//   tiles  (NT,4)     read   sequence start, sequence end, first key of the tile, 0 (attentionTiles)
//   dqkv   (N,QKV)    write  its key and value heads
//
// Grid: (NT, NKV * ceil(HS/128)), one workgroup for 32 keys of a kv head and 128 of its columns of dk and dv; query heads and
// query tiles follow in a fixed order, so no atomics. Thread (tx, ty) of 8x8 owns keys 4*ty + 0..3; of a tile of 32 queries it
// handles queries tx + 8*i, and of dk and dv it owns vec4 columns tx + 8*i, i = 0..3. Blocks of 4x4 are matrices.
struct Params {
  NH: u32,
  NKV: u32,
  HS: u32,
  window: u32, // keys a query sees, its own the last; 2^31: all
  scale: f32,
}

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read> dout: array<vec4f>;
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read> delta: array<f32>;
@group(0) @binding(4) var<storage, read> tiles: array<vec4u>;
@group(0) @binding(5) var<storage, read_write> dqkv: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

override CAP: f32 = 0.0; // scores s are bent to CAP tanh(s / CAP); 0: they are not
override BLOCKS: u32; // ceil(HS / 32), at most 4: 4x4 blocks of a result a thread holds; what lies beyond is compiled away
const TILE = 32u;
const CHUNK = 16u; // vec4 columns staged at a time: heads of more than 64 floats come in chunks
const STRIDE = 17u; // one more, so that eight rows lie in eight banks

var<workgroup> staged: array<vec4f, 544>; // (TILE, STRIDE) of q, of dout, and of q again
var<workgroup> weights: array<vec4f, 256>; // (TILE queries, 8): p of four keys, then ds of four keys

// Copies `width` vec4 columns of 32 rows of qkv; rows past `last` repeat it, and are masked.
fn stage_qkv(lid: vec3u, row: u32, last: u32, stride: u32, column: u32, width: u32) {
  for (var r = lid.y; r < TILE; r += 8u) {
    let at = min(row + r, last) * stride + column;
    for (var c = lid.x; c < width; c += 8u) {
      staged[r * STRIDE + c] = qkv[at + c];
    }
  }
}

// The same of dout.
fn stage_dout(lid: vec3u, row: u32, last: u32, column: u32, width: u32) {
  for (var r = lid.y; r < TILE; r += 8u) {
    let at = min(row + r, last) * params.NH * (params.HS / 4u) + column;
    for (var c = lid.x; c < width; c += 8u) {
      staged[r * STRIDE + c] = dout[at + c];
    }
  }
}

// Four rows of qkv against the four staged rows of this thread, column by column: column i is row tx + 8 i.
fn dots(tx: u32, at: vec4u, width: u32) -> mat4x4f {
  var sum = mat4x4f();
  for (var c = 0u; c < width; c++) {
    let rows = mat4x4f(qkv[at.x + c], qkv[at.y + c], qkv[at.z + c], qkv[at.w + c]);
    let s = tx * STRIDE + c;
    sum += mat4x4f(
      staged[s] * rows,
      staged[s + 8u * STRIDE] * rows,
      staged[s + 16u * STRIDE] * rows,
      staged[s + 24u * STRIDE] * rows,
    );
  }
  return sum;
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

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_id) lid: vec3u) {
  let tx = lid.x;
  let ty = lid.y;
  let tile = tiles[wid.x];
  let last = tile.y - 1u;
  let group = params.NH / params.NKV;
  let columns = params.HS / 4u;
  let parts = (columns + 31u) / 32u;
  let kv_head = wid.y / parts;
  let first = wid.y % parts * 32u; // of the vec4 columns of this workgroup's dk and dv
  let owned = min(32u, columns - first);
  let wide = max(owned, CHUNK) - CHUNK; // of its second chunk
  let narrow = min(CHUNK, owned);
  let stride = (params.NH + 2u * params.NKV) * columns;
  let k_column = (params.NH + kv_head) * columns;
  let v_column = k_column + params.NKV * columns;
  let keys = tile.z + 4u * ty + vec4u(0u, 1u, 2u, 3u);
  let k_at = min(keys, vec4u(last)) * stride + k_column;
  let v_at = k_at + params.NKV * columns;

  var dk0 = mat4x4f();
  var dk1 = mat4x4f();
  var dk2 = mat4x4f();
  var dk3 = mat4x4f();
  var dv0 = mat4x4f();
  var dv1 = mat4x4f();
  var dv2 = mat4x4f();
  var dv3 = mat4x4f();

  let query_end = min(tile.y, tile.z + TILE - 1u + params.window);
  for (var head = kv_head * group; head < (kv_head + 1u) * group; head++) {
    let q_column = head * columns;
    for (var query0 = tile.z; query0 < query_end; query0 += TILE) {
      let queries = min(TILE, tile.y - query0);
      // s = k q^T
      var s = mat4x4f();
      for (var c0 = 0u; c0 < columns; c0 += CHUNK) {
        let width = min(CHUNK, columns - c0);
        stage_qkv(lid, query0, last, stride, q_column + c0, width);
        workgroupBarrier();
        s += dots(tx, k_at + c0, width);
        workgroupBarrier();
      }

      // dp = v dout^T; the chunk staged last is the first of its own, which dv needs next
      var dp = mat4x4f();
      for (var c0 = 0u; c0 < columns; c0 += CHUNK) {
        if (c0 != first) {
          let width = min(CHUNK, columns - c0);
          stage_dout(lid, query0, last, q_column + c0, width);
          workgroupBarrier();
          dp += dots(tx, v_at + c0, width);
          workgroupBarrier();
        }
      }
      stage_dout(lid, query0, last, q_column + first, narrow);
      workgroupBarrier();
      dp += dots(tx, v_at + first, narrow);

      // p and ds = p * (dp - delta), 0 where masked; p <= 1 whatever the rounding; query - key wraps around where it is later
      var ds = mat4x4f();
      for (var i = 0u; i < 4u; i++) {
        let query = query0 + tx + 8u * i;
        let stat = min(query, last) * params.NH + head;
        let open = (vec4u(query) - keys < vec4u(params.window)) & vec4<bool>(query <= last);
        let score = scored(s[i]);
        let p = select(vec4f(0.0), exp(min(score - lse[stat], vec4f(0.0))), open);
        ds[i] = unbent(p * (dp[i] - delta[stat]), score);
        weights[(tx + 8u * i) * 8u + ty] = p;
      }
      workgroupBarrier();

      // dv += p^T dout
      if (tx < owned) {
        for (var j = 0u; j < queries; j++) {
          let p = weights[j * 8u + ty];
          dv0 = add_outer(dv0, p, staged[j * STRIDE + tx]);
          if (BLOCKS > 1u) { dv1 = add_outer(dv1, p, staged[j * STRIDE + tx + 8u]); }
        }
      }
      workgroupBarrier();
      if (BLOCKS > 2u) {
        stage_dout(lid, query0, last, q_column + first + CHUNK, wide);
        workgroupBarrier();
        for (var j = 0u; j < queries; j++) {
          let p = weights[j * 8u + ty];
          dv2 = add_outer(dv2, p, staged[j * STRIDE + tx]);
          if (BLOCKS > 3u) { dv3 = add_outer(dv3, p, staged[j * STRIDE + tx + 8u]); }
        }
        workgroupBarrier();
      }

      // dk += ds^T q
      for (var i = 0u; i < 4u; i++) {
        weights[(tx + 8u * i) * 8u + ty] = ds[i];
      }
      stage_qkv(lid, query0, last, stride, q_column + first, narrow);
      workgroupBarrier();
      if (tx < owned) {
        for (var j = 0u; j < queries; j++) {
          let d = weights[j * 8u + ty];
          dk0 = add_outer(dk0, d, staged[j * STRIDE + tx]);
          if (BLOCKS > 1u) { dk1 = add_outer(dk1, d, staged[j * STRIDE + tx + 8u]); }
        }
      }
      workgroupBarrier();
      if (BLOCKS > 2u) {
        stage_qkv(lid, query0, last, stride, q_column + first + CHUNK, wide);
        workgroupBarrier();
        for (var j = 0u; j < queries; j++) {
          let d = weights[j * 8u + ty];
          dk2 = add_outer(dk2, d, staged[j * STRIDE + tx]);
          if (BLOCKS > 3u) { dk3 = add_outer(dk3, d, staged[j * STRIDE + tx + 8u]); }
        }
        workgroupBarrier();
      }
    }
  }

  if (tx < owned) {
    write_rows(params.scale * dk0, keys.x, tile.y, stride, k_column + first + tx);
    write_rows(dv0, keys.x, tile.y, stride, v_column + first + tx);
  }
  if (tx + 8u < owned) {
    write_rows(params.scale * dk1, keys.x, tile.y, stride, k_column + first + tx + 8u);
    write_rows(dv1, keys.x, tile.y, stride, v_column + first + tx + 8u);
  }
  if (tx + 16u < owned) {
    write_rows(params.scale * dk2, keys.x, tile.y, stride, k_column + first + tx + 16u);
    write_rows(dv2, keys.x, tile.y, stride, v_column + first + tx + 16u);
  }
  if (tx + 24u < owned) {
    write_rows(params.scale * dk3, keys.x, tile.y, stride, k_column + first + tx + 24u);
    write_rows(dv3, keys.x, tile.y, stride, v_column + first + tx + 24u);
  }
}
