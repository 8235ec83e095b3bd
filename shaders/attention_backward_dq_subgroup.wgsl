// attention_backward_dq_subgroup: attention_backward_dq_direct, keys and values shared through subgroups of 4 threads or more:
//   dq = scale ds k,  ds = p * (dout v^T - delta),  p = exp(s - lse),  s = scale q k^T, causal
// Options as in the forward: with CAP, ds is multiplied by 1 - (s / CAP)^2; pairs outside the window are 0.
// Source: Dao 2023 (FlashAttention-2), arXiv:2307.08691, algorithm 2, on blocks of 4 queries x 4 keys.
//
//   qkv    (N,QKV)    read   [NH query heads | NKV key heads | NKV value heads] of HS floats, rope applied
//   out    (N,NH*HS)  read   of attention_forward
//   dout   (N,NH*HS)  read
//   lse    (N,NH)     read   of attention_forward
//   delta  (N,NH)     write  sum over the head of dout * out, for attention_backward_dkv_subgroup
//   tiles  (NT,4)     read   sequence start, sequence end, first query of the tile, 0 (attentionTiles)
//   dqkv   (N,QKV)    write  its query heads; the rest is left to attention_backward_dkv_subgroup
//
// Of four keys, each of a subgroup's first four lanes loads one, and all take them by broadcast, as in the forward.
// Grid: (NT, NH * ceil(HS/16)) workgroups of 8 threads, each for 4 queries of a tile, a head and 16 of its columns of dq.
enable subgroups;

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

// Four queries, and their rows of dout, at one vec4 column.
fn query_block(at: vec4u) -> mat4x4f {
  return mat4x4f(qkv[at.x], qkv[at.y], qkv[at.z], qkv[at.w]);
}

fn dout_block(at: vec4u) -> mat4x4f {
  return mat4x4f(dout[at.x], dout[at.y], dout[at.z], dout[at.w]);
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

// ds of four queries against one key that is `age` tokens older: 0 where masked, also where it is later and age has wrapped
// around; p <= 1 whatever the rounding.
fn dscore(products: vec4f, dp: vec4f, row_lse: vec4f, row_delta: vec4f, age: vec4u) -> vec4f {
  let score = scored(products);
  let ds = unbent(exp(min(score - row_lse, vec4f(0.0))) * (dp - row_delta), score);
  return select(vec4f(0.0), ds, age < vec4u(params.window));
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
  let v_column = k_column + params.NKV * columns;
  let own = min(queries, vec4u(last));
  let q_at = own * stride + head * columns;
  let dout_at = own * params.NH * columns + head * columns;
  let stat = own * params.NH + head;
  let row_lse = vec4f(lse[stat.x], lse[stat.y], lse[stat.z], lse[stat.w]);
  let row_delta = row_deltas(dout_at, columns);
  if (first == 0u) {
    for (var row = queries.x; row < min(queries.x + 4u, tile.y); row++) {
      delta[row * params.NH + head] = row_delta[row - queries.x];
    }
  }

  // The first 16 columns of the queries and of dout stay with the thread: all of them for small heads.
  let most = columns - 1u;
  let q0 = query_block(q_at);
  let q1 = query_block(q_at + min(1u, most));
  let q2 = query_block(q_at + min(2u, most));
  let q3 = query_block(q_at + min(3u, most));
  let d0 = dout_block(dout_at);
  let d1 = dout_block(dout_at + min(1u, most));
  let d2 = dout_block(dout_at + min(2u, most));
  let d3 = dout_block(dout_at + min(3u, most));

  var dq0 = mat4x4f();
  var dq1 = mat4x4f();
  var dq2 = mat4x4f();
  var dq3 = mat4x4f();

  let key_end = min(query0 + 32u / side, end);
  let key_begin = query0 + 1u - min(params.window, query0 + 1u - tile.x);
  for (var key0 = key_begin; key0 < key_end; key0 += 4u) {
    // s = q k^T and dp = dout v^T: column j holds four queries against key key0 + j
    let row = min(key0 + lane % 4u, last) * stride;
    let k_at = row + k_column;
    let v_at = row + v_column;
    var s = dots(q0, share(qkv[k_at]));
    var dp = dots(d0, share(qkv[v_at]));
    if (columns > 1u) {
      s += dots(q1, share(qkv[k_at + 1u]));
      dp += dots(d1, share(qkv[v_at + 1u]));
    }
    if (columns > 2u) {
      s += dots(q2, share(qkv[k_at + 2u]));
      dp += dots(d2, share(qkv[v_at + 2u]));
    }
    if (columns > 3u) {
      s += dots(q3, share(qkv[k_at + 3u]));
      dp += dots(d3, share(qkv[v_at + 3u]));
    }
    for (var c = 4u; c < columns; c++) {
      s += dots(query_block(q_at + c), share(qkv[k_at + c]));
      dp += dots(dout_block(dout_at + c), share(qkv[v_at + c]));
    }
    let age = queries - vec4u(key0);
    let ds = mat4x4f(
      dscore(s[0], dp[0], row_lse, row_delta, age),
      dscore(s[1], dp[1], row_lse, row_delta, age - 1u),
      dscore(s[2], dp[2], row_lse, row_delta, age - 2u),
      dscore(s[3], dp[3], row_lse, row_delta, age - 3u),
    );

    // dq += ds k
    let at = k_at + first;
    dq0 = add_rows(dq0, ds, share(qkv[at]));
    if (owned > 1u) { dq1 = add_rows(dq1, ds, share(qkv[at + 1u])); }
    if (owned > 2u) { dq2 = add_rows(dq2, ds, share(qkv[at + 2u])); }
    if (owned > 3u) { dq3 = add_rows(dq3, ds, share(qkv[at + 3u])); }
  }

  // loops, not sixteen stores: CPU adapters compile a store into much code
  let blocks = array<mat4x4f, 4>(dq0, dq1, dq2, dq3);
  for (var row = queries.x; row < min(queries.x + 4u, end); row++) {
    let at = row * stride + head * columns + first;
    for (var b = 0u; b < owned; b++) {
      dqkv[at + b] = params.scale * blocks[b][row - queries.x];
    }
  }
}
