// attention_backward_dq_direct: attention_backward_dq without workgroup memory or barriers, for adapters on a CPU:
//   dq = scale ds k,  ds = p * (dout v^T - delta),  p = exp(s - lse),  s = scale q k^T, causal
// Options as in the forward: with CAP, ds is multiplied by 1 - (s / CAP)^2; pairs outside the window are 0.
// Source: Dao 2023 (FlashAttention-2), arXiv:2307.08691, algorithm 2, on blocks of 4 queries x 4 keys.
//
//   qkv    (N,QKV)    read   [NH query heads | NKV key heads | NKV value heads] of HS floats, rope applied
//   out    (N,NH*HS)  read   of attention_forward
//   dout   (N,NH*HS)  read
//   lse    (N,NH)     read   of attention_forward
//   delta  (N,NH)     write  sum over the head of dout * out, for attention_backward_dkv_direct
//   tiles  (NT,4)     read   sequence start, sequence end, first query of the tile, 0 (attentionTiles)
//   dqkv   (N,QKV)    write  its query heads; the rest is left to attention_backward_dkv_direct
//
// Grid: (NT, NH * ceil(HS/16)) workgroups of 8 threads, each for 4 queries of a tile, a head and 16 of its columns of dq.
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

// acc + p v^T: row r of the result is acc[r] + p[r] v.
fn add_outer(acc: mat4x4f, p: vec4f, v: vec4f) -> mat4x4f {
  return acc + mat4x4f(p.x * v, p.y * v, p.z * v, p.w * v);
}

// acc + ds k of four keys, at one vec4 column; column j of ds holds four queries against key j.
fn add_keys(acc: mat4x4f, ds: mat4x4f, at: vec4u) -> mat4x4f {
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

  var dq0 = mat4x4f();
  var dq1 = mat4x4f();
  var dq2 = mat4x4f();
  var dq3 = mat4x4f();

  let key_end = min(queries.w + 1u, end);
  let key_begin = queries.x + 1u - min(params.window, queries.x + 1u - tile.x);
  for (var key0 = key_begin; key0 < key_end; key0 += 4u) {
    // s = q k^T and dp = dout v^T: column j holds four queries against key key0 + j
    let rows = min(key0 + vec4u(0u, 1u, 2u, 3u), vec4u(last)) * stride;
    let k_at = rows + k_column;
    let v_at = rows + v_column;
    var s = mat4x4f();
    var dp = mat4x4f();
    for (var c = 0u; c < columns; c++) {
      let q = mat4x4f(qkv[q_at.x + c], qkv[q_at.y + c], qkv[q_at.z + c], qkv[q_at.w + c]);
      s += mat4x4f(qkv[k_at.x + c] * q, qkv[k_at.y + c] * q, qkv[k_at.z + c] * q, qkv[k_at.w + c] * q);
      let d = mat4x4f(dout[dout_at.x + c], dout[dout_at.y + c], dout[dout_at.z + c], dout[dout_at.w + c]);
      dp += mat4x4f(qkv[v_at.x + c] * d, qkv[v_at.y + c] * d, qkv[v_at.z + c] * d, qkv[v_at.w + c] * d);
    }
    let age = queries - vec4u(key0);
    let ds = mat4x4f(
      dscore(s[0], dp[0], row_lse, row_delta, age),
      dscore(s[1], dp[1], row_lse, row_delta, age - 1u),
      dscore(s[2], dp[2], row_lse, row_delta, age - 2u),
      dscore(s[3], dp[3], row_lse, row_delta, age - 3u),
    );

    // dq += ds k
    dq0 = add_keys(dq0, ds, k_at + first);
    if (owned > 1u) { dq1 = add_keys(dq1, ds, k_at + first + 1u); }
    if (owned > 2u) { dq2 = add_keys(dq2, ds, k_at + first + 2u); }
    if (owned > 3u) { dq3 = add_keys(dq3, ds, k_at + first + 3u); }
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
