// attention_backward_dkv_subgroup: attention_backward_dkv_direct, queries shared through subgroups of 4 threads or more:
//   dv = p^T dout,  dk = scale ds^T q,  summed over the query heads that share the kv head;
//   p = exp(s - lse),  s = scale q k^T,  ds = p * (dout v^T - delta), causal
// Options as in the forward: with CAP, ds is multiplied by 1 - (s / CAP)^2; pairs outside the window are 0.
// Source: Dao 2023 (FlashAttention-2), arXiv:2307.08691, algorithm 2, on blocks of 4 keys x 4 queries.
//
//   qkv    (N,QKV)    read   [NH query heads | NKV key heads | NKV value heads] of HS floats, rope applied
//   dout   (N,NH*HS)  read
//   lse    (N,NH)     read   of attention_forward
//   delta  (N,NH)     read   of attention_backward_dq_subgroup
//   tiles  (NT,4)     read   sequence start, sequence end, first key of the tile, 0 (attentionTiles)
//   dqkv   (N,QKV)    write  its key and value heads
//
// Of four queries, each of a subgroup's first four lanes loads one, and all take them by broadcast.
// Grid: (NT, NKV * ceil(HS/16)) workgroups of 8 threads, each for 4 keys of a tile, a kv head and 16 of its columns of dk and
// dv; query heads and queries come in a fixed order.
enable subgroups;

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

// Four keys (or values) at one vec4 column.
fn key_block(at: vec4u) -> mat4x4f {
  return mat4x4f(qkv[at.x], qkv[at.y], qkv[at.z], qkv[at.w]);
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

// p of four keys against one query, 0 where masked; p <= 1 whatever the rounding; query - key wraps around where it is later.
fn probability(score: vec4f, query_lse: f32, keys: vec4u, query: u32, last: u32) -> vec4f {
  let open = (vec4u(query) - keys < vec4u(params.window)) & vec4<bool>(query <= last);
  return select(vec4f(0.0), exp(min(score - query_lse, vec4f(0.0))), open);
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(local_invocation_index) lid: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let columns = params.HS / 4u;
  let parts = (columns + 3u) / 4u;
  let kv_head = wid.y / parts;
  let first = wid.y % parts * 4u; // of the vec4 columns of this thread
  let owned = min(4u, columns - first);
  let tile = tiles[wid.x];
  let end = tile.y;
  let last = end - 1u;
  let keys = tile.z + 4u * lid + vec4u(0u, 1u, 2u, 3u);
  let group = params.NH / params.NKV;
  let stride = (params.NH + 2u * params.NKV) * columns;
  let k_column = (params.NH + kv_head) * columns;
  let v_column = k_column + params.NKV * columns;
  let own = min(keys, vec4u(last)) * stride;
  let k_at = own + k_column;
  let v_at = own + v_column;

  // The first 16 columns of the keys and values stay with the thread: all of them for small heads.
  let most = columns - 1u;
  let k0 = key_block(k_at);
  let k1 = key_block(k_at + min(1u, most));
  let k2 = key_block(k_at + min(2u, most));
  let k3 = key_block(k_at + min(3u, most));
  let v0 = key_block(v_at);
  let v1 = key_block(v_at + min(1u, most));
  let v2 = key_block(v_at + min(2u, most));
  let v3 = key_block(v_at + min(3u, most));

  var dk0 = mat4x4f();
  var dk1 = mat4x4f();
  var dk2 = mat4x4f();
  var dk3 = mat4x4f();
  var dv0 = mat4x4f();
  var dv1 = mat4x4f();
  var dv2 = mat4x4f();
  var dv3 = mat4x4f();

  let query_end = min(end, tile.z + 31u + params.window);
  for (var head = kv_head * group; head < (kv_head + 1u) * group; head++) {
    for (var query0 = tile.z; query0 < query_end; query0 += 4u) {
      // s = k q^T and dp = v dout^T: column j holds four keys against query query0 + j
      let row = min(query0 + lane % 4u, last);
      let q_at = row * stride + head * columns;
      let dout_at = (row * params.NH + head) * columns;
      var s = dots(k0, share(qkv[q_at]));
      var dp = dots(v0, share(dout[dout_at]));
      if (columns > 1u) {
        s += dots(k1, share(qkv[q_at + 1u]));
        dp += dots(v1, share(dout[dout_at + 1u]));
      }
      if (columns > 2u) {
        s += dots(k2, share(qkv[q_at + 2u]));
        dp += dots(v2, share(dout[dout_at + 2u]));
      }
      if (columns > 3u) {
        s += dots(k3, share(qkv[q_at + 3u]));
        dp += dots(v3, share(dout[dout_at + 3u]));
      }
      for (var c = 4u; c < columns; c++) {
        s += dots(key_block(k_at + c), share(qkv[q_at + c]));
        dp += dots(key_block(v_at + c), share(dout[dout_at + c]));
      }
      let stat = row * params.NH + head;
      let own_lse = lse[stat];
      let own_delta = delta[stat];
      let score = mat4x4f(scored(s[0]), scored(s[1]), scored(s[2]), scored(s[3]));
      let p = mat4x4f(
        probability(score[0], subgroupBroadcast(own_lse, 0u), keys, query0, last),
        probability(score[1], subgroupBroadcast(own_lse, 1u), keys, query0 + 1u, last),
        probability(score[2], subgroupBroadcast(own_lse, 2u), keys, query0 + 2u, last),
        probability(score[3], subgroupBroadcast(own_lse, 3u), keys, query0 + 3u, last),
      );
      let ds = mat4x4f(
        unbent(p[0] * (dp[0] - subgroupBroadcast(own_delta, 0u)), score[0]),
        unbent(p[1] * (dp[1] - subgroupBroadcast(own_delta, 1u)), score[1]),
        unbent(p[2] * (dp[2] - subgroupBroadcast(own_delta, 2u)), score[2]),
        unbent(p[3] * (dp[3] - subgroupBroadcast(own_delta, 3u)), score[3]),
      );

      // dv += p^T dout,  dk += ds^T q
      dv0 = add_rows(dv0, p, share(dout[dout_at + first]));
      dk0 = add_rows(dk0, ds, share(qkv[q_at + first]));
      if (owned > 1u) {
        dv1 = add_rows(dv1, p, share(dout[dout_at + first + 1u]));
        dk1 = add_rows(dk1, ds, share(qkv[q_at + first + 1u]));
      }
      if (owned > 2u) {
        dv2 = add_rows(dv2, p, share(dout[dout_at + first + 2u]));
        dk2 = add_rows(dk2, ds, share(qkv[q_at + first + 2u]));
      }
      if (owned > 3u) {
        dv3 = add_rows(dv3, p, share(dout[dout_at + first + 3u]));
        dk3 = add_rows(dk3, ds, share(qkv[q_at + first + 3u]));
      }
    }
  }

  // loops, not 32 stores: CPU adapters compile a store into much code
  let dk = array<mat4x4f, 4>(dk0, dk1, dk2, dk3);
  let dv = array<mat4x4f, 4>(dv0, dv1, dv2, dv3);
  for (var row = keys.x; row < min(keys.x + 4u, end); row++) {
    let at = row * stride + first;
    for (var b = 0u; b < owned; b++) {
      dqkv[at + k_column + b] = params.scale * dk[b][row - keys.x];
      dqkv[at + v_column + b] = dv[b][row - keys.x];
    }
  }
}
