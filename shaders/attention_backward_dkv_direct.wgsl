// attention_backward_dkv_direct: attention_backward_dkv without workgroup memory or barriers, for adapters on a CPU:
//   dv = p^T dout,  dk = scale ds^T q,  summed over the query heads that share the kv head;
//   p = exp(s - lse),  s = scale q k^T,  ds = p * (dout v^T - delta), causal
// Options as in the forward: with CAP, ds is multiplied by 1 - (s / CAP)^2; pairs outside the window are 0.
// Source: Dao 2023 (FlashAttention-2), arXiv:2307.08691, algorithm 2, on blocks of 4 keys x 4 queries.
//
//   qkv    (N,QKV)    read   [NH query heads | NKV key heads | NKV value heads] of HS floats, rope applied
//   dout   (N,NH*HS)  read
//   lse    (N,NH)     read   of attention_forward
//   delta  (N,NH)     read   of attention_backward_dq_direct
//   tiles  (NT,4)     read   sequence start, sequence end, first key of the tile, 0 (attentionTiles)
//   dqkv   (N,QKV)    write  its key and value heads
//
// Grid: (NT, NKV * ceil(HS/16)) workgroups of 8 threads, each for 4 keys of a tile, a kv head and 16 of its columns of dk and
// dv; query heads and queries come in a fixed order.
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

// acc + p v^T: row r of the result is acc[r] + p[r] v.
fn add_outer(acc: mat4x4f, p: vec4f, v: vec4f) -> mat4x4f {
  return acc + mat4x4f(p.x * v, p.y * v, p.z * v, p.w * v);
}

// acc + p^T dout of four queries, at one vec4 column; column j of p holds four keys against query j.
fn add_dout(acc: mat4x4f, p: mat4x4f, at: vec4u) -> mat4x4f {
  let two = add_outer(add_outer(acc, p[0], dout[at.x]), p[1], dout[at.y]);
  return add_outer(add_outer(two, p[2], dout[at.z]), p[3], dout[at.w]);
}

// acc + ds^T q, the same.
fn add_q(acc: mat4x4f, ds: mat4x4f, at: vec4u) -> mat4x4f {
  let two = add_outer(add_outer(acc, ds[0], qkv[at.x]), ds[1], qkv[at.y]);
  return add_outer(add_outer(two, ds[2], qkv[at.z]), ds[3], qkv[at.w]);
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
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  // heads and parts side by side: lanes of one subgroup run the same length
  let columns = params.HS / 4u;
  let parts = (columns + 3u) / 4u;
  let item = wid.y * 8u + lid;
  let quad = item / (params.NKV * parts);
  let kv_head = item / parts % params.NKV;
  let first = item % parts * 4u; // of the vec4 columns of this thread
  let owned = min(4u, columns - first);
  let tile = tiles[wid.x];
  let end = tile.y;
  let last = end - 1u;
  let keys = tile.z + 4u * quad + vec4u(0u, 1u, 2u, 3u);
  if (keys.x >= end) {
    return;
  }
  let group = params.NH / params.NKV;
  let stride = (params.NH + 2u * params.NKV) * columns;
  let k_column = (params.NH + kv_head) * columns;
  let v_column = k_column + params.NKV * columns;
  let own = min(keys, vec4u(last)) * stride;
  let k_at = own + k_column;
  let v_at = own + v_column;

  var dk0 = mat4x4f();
  var dk1 = mat4x4f();
  var dk2 = mat4x4f();
  var dk3 = mat4x4f();
  var dv0 = mat4x4f();
  var dv1 = mat4x4f();
  var dv2 = mat4x4f();
  var dv3 = mat4x4f();

  let query_end = min(end, keys.w + params.window);
  for (var head = kv_head * group; head < (kv_head + 1u) * group; head++) {
    for (var query0 = keys.x; query0 < query_end; query0 += 4u) {
      // s = k q^T and dp = v dout^T: column j holds four keys against query query0 + j
      let rows = min(query0 + vec4u(0u, 1u, 2u, 3u), vec4u(last));
      let q_at = rows * stride + head * columns;
      let dout_at = (rows * params.NH + head) * columns;
      var s = mat4x4f();
      var dp = mat4x4f();
      for (var c = 0u; c < columns; c++) {
        let k = mat4x4f(qkv[k_at.x + c], qkv[k_at.y + c], qkv[k_at.z + c], qkv[k_at.w + c]);
        s += mat4x4f(qkv[q_at.x + c] * k, qkv[q_at.y + c] * k, qkv[q_at.z + c] * k, qkv[q_at.w + c] * k);
        let v = mat4x4f(qkv[v_at.x + c], qkv[v_at.y + c], qkv[v_at.z + c], qkv[v_at.w + c]);
        dp += mat4x4f(dout[dout_at.x + c] * v, dout[dout_at.y + c] * v, dout[dout_at.z + c] * v, dout[dout_at.w + c] * v);
      }
      let stat = rows * params.NH + head;
      let score = mat4x4f(scored(s[0]), scored(s[1]), scored(s[2]), scored(s[3]));
      let p = mat4x4f(
        probability(score[0], lse[stat.x], keys, query0, last),
        probability(score[1], lse[stat.y], keys, query0 + 1u, last),
        probability(score[2], lse[stat.z], keys, query0 + 2u, last),
        probability(score[3], lse[stat.w], keys, query0 + 3u, last),
      );
      let ds = mat4x4f(
        unbent(p[0] * (dp[0] - delta[stat.x]), score[0]),
        unbent(p[1] * (dp[1] - delta[stat.y]), score[1]),
        unbent(p[2] * (dp[2] - delta[stat.z]), score[2]),
        unbent(p[3] * (dp[3] - delta[stat.w]), score[3]),
      );

      // dv += p^T dout,  dk += ds^T q
      dv0 = add_dout(dv0, p, dout_at + first);
      dk0 = add_q(dk0, ds, q_at + first);
      if (owned > 1u) {
        dv1 = add_dout(dv1, p, dout_at + first + 1u);
        dk1 = add_q(dk1, ds, q_at + first + 1u);
      }
      if (owned > 2u) {
        dv2 = add_dout(dv2, p, dout_at + first + 2u);
        dk2 = add_q(dk2, ds, q_at + first + 2u);
      }
      if (owned > 3u) {
        dv3 = add_dout(dv3, p, dout_at + first + 3u);
        dk3 = add_q(dk3, ds, q_at + first + 3u);
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
