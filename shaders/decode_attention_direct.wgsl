// decode_attention_direct: decode_attention without workgroup memory or barriers, for adapters that run on a CPU:
//   out = softmax(scale q k^T) v, one query a sequence over what its cache holds up to its position
// Options: scores s become CAP tanh(s / CAP), as in Gemma 2 (arXiv:2408.00118, section 2); only the last `window` keys are seen.
// Source: Milakov & Gimelshein 2018, arXiv:1805.02867, algorithm 3 (online softmax), on blocks of 8 keys.
//
//   qkv        (B,QKV)          read   [NH query heads | NKV key heads | NKV value heads] of HS; the queries, rope applied
//   slots      (B)              read   where each sequence lives; 0xffffffff: its row of out is 0
//   positions  (B)              read   row b attends cache[slot, 0..position], its own key included (rope_append ran)
//   k_cache    (S,Tmax,NKV*HS)  read
//   v_cache    (S,Tmax,NKV*HS)  read
//   out        (B,NH*HS)        write  with splits > 1 (B,NH,splits,HS+4) instead, for decode_attention_merge: of each
//                                      `chunk` keys the sums, then their peak and total, 0, 0; nothing past the last key
//                                      or before the window
//
// Grid: one thread a sequence, split, QUERIES query heads of one key head and 4 COLUMNS of their output, 8 a workgroup;
// rows of workgroups folded into y. Two queries share what is loaded of keys and values, and loads are most of the work.
struct Params {
  B: u32,
  NH: u32,
  NKV: u32,
  HS: u32,
  QKV: u32,
  Tmax: u32,
  splits: u32,
  chunk: u32, // keys a split
  window: u32, // keys a query sees, its own the last; 2^31: all
  scale: f32,
}

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read> slots: array<u32>;
@group(0) @binding(2) var<storage, read> positions: array<u32>;
@group(0) @binding(3) var<storage, read> k_cache: array<vec4f>;
@group(0) @binding(4) var<storage, read> v_cache: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

override CAP: f32 = 0.0; // scores s are bent to CAP tanh(s / CAP); 0: they are not
override QUERIES: u32 = 2u; // 1 or 2
override COLUMNS: u32 = 8u; // vec4 columns a thread, 4 or 8
const NONE = 0xffffffffu;
const MASKED = -1e30; // finite: (-inf) - (-inf) is not the same on all adapters

// Weights of eight keys for both queries: near the first four keys, far the other four.
struct Weights {
  near_a: vec4f,
  far_a: vec4f,
  near_b: vec4f,
  far_b: vec4f,
}

// What eight keys add to one vec4 column of both queries' outputs.
struct Sums {
  a: vec4f,
  b: vec4f,
}

fn weighted(w: Weights, near: vec4u, far: vec4u) -> Sums {
  let near_values = mat4x4f(v_cache[near.x], v_cache[near.y], v_cache[near.z], v_cache[near.w]);
  let far_values = mat4x4f(v_cache[far.x], v_cache[far.y], v_cache[far.z], v_cache[far.w]);
  var sums = Sums(near_values * w.near_a + far_values * w.far_a, vec4f(0.0));
  if (QUERIES > 1u) {
    sums.b = near_values * w.near_b + far_values * w.far_b;
  }
  return sums;
}

// Products of queries and keys as scores.
fn scored(products: vec4f) -> vec4f {
  let s = products * params.scale;
  if (CAP == 0.0) {
    return s;
  }
  return CAP - 2.0 * CAP / (1.0 + exp(clamp(2.0 * s / CAP, vec4f(-80.0), vec4f(80.0))));
}

fn keys(at: vec4u) -> mat4x4f {
  return mat4x4f(k_cache[at.x], k_cache[at.y], k_cache[at.z], k_cache[at.w]);
}

fn greatest(s: vec4f) -> f32 {
  return max(max(s.x, s.y), max(s.z, s.w));
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lid: u32,
) {
  let columns = params.HS / 4u;
  let parts = (columns + COLUMNS - 1u) / COLUMNS;
  let group = params.NH / params.NKV;
  let pairs = (group + QUERIES - 1u) / QUERIES;
  let index = (wid.y * nwg.x + wid.x) * 8u + lid;
  let kv_head = index / (parts * pairs) % params.NKV;
  let split = index / (parts * pairs * params.NKV) % params.splits;
  let row = index / (parts * pairs * params.NKV) / params.splits;
  if (row >= params.B) {
    return;
  }
  let in_group = index / parts % pairs * QUERIES;
  let head = kv_head * group + in_group;
  let twin = min(in_group + 1u, group - 1u) - in_group; // 0: a group of odd size has no second query left
  let first = index % parts * COLUMNS; // of the vec4 columns of this thread
  let owned = min(COLUMNS, columns - first);
  let slot = slots[row];

  var peak = vec2f(MASKED);
  var total = vec2f(0.0);
  var a0 = vec4f(0.0);
  var a1 = vec4f(0.0);
  var a2 = vec4f(0.0);
  var a3 = vec4f(0.0);
  var a4 = vec4f(0.0);
  var a5 = vec4f(0.0);
  var a6 = vec4f(0.0);
  var a7 = vec4f(0.0);
  var b0 = vec4f(0.0);
  var b1 = vec4f(0.0);
  var b2 = vec4f(0.0);
  var b3 = vec4f(0.0);
  var b4 = vec4f(0.0);
  var b5 = vec4f(0.0);
  var b6 = vec4f(0.0);
  var b7 = vec4f(0.0);
  if (slot != NONE) {
    let last = min(positions[row], min((split + 1u) * params.chunk, params.Tmax) - 1u);
    let width = params.NKV * columns;
    let cache = slot * params.Tmax * width + kv_head * columns;
    let q_at = row * (params.QKV / 4u) + head * columns;
    let seen = positions[row] + 1u;
    for (var t0 = max(split * params.chunk, seen - min(params.window, seen)); t0 <= last; t0 += 8u) {
      let near = t0 + vec4u(0u, 1u, 2u, 3u);
      let far = near + 4u;
      let near_at = cache + min(near, vec4u(last)) * width;
      let far_at = cache + min(far, vec4u(last)) * width;
      var near_a = vec4f(0.0);
      var far_a = vec4f(0.0);
      var near_b = vec4f(0.0);
      var far_b = vec4f(0.0);
      for (var c = 0u; c < columns; c++) {
        let near_keys = keys(near_at + c);
        let far_keys = keys(far_at + c);
        let a = qkv[q_at + c];
        near_a += a * near_keys;
        far_a += a * far_keys;
        if (QUERIES > 1u) {
          let b = qkv[q_at + twin * columns + c];
          near_b += b * near_keys;
          far_b += b * far_keys;
        }
      }
      let is_near = near <= vec4u(last);
      let is_far = far <= vec4u(last);
      near_a = select(vec4f(MASKED), scored(near_a), is_near);
      far_a = select(vec4f(MASKED), scored(far_a), is_far);
      near_b = select(vec4f(MASKED), scored(near_b), is_near);
      far_b = select(vec4f(MASKED), scored(far_b), is_far);

      // online softmax: what was summed before is scaled to the new peak
      let tops = vec2f(greatest(max(near_a, far_a)), greatest(max(near_b, far_b)));
      let new_peak = max(peak, tops);
      let shrink = exp(peak - new_peak);
      peak = new_peak;
      near_a = exp(near_a - peak.x);
      far_a = exp(far_a - peak.x);
      let ones = vec4f(1.0);
      var sum = vec2f(dot(near_a + far_a, ones), 0.0);
      if (QUERIES > 1u) {
        near_b = exp(near_b - peak.y);
        far_b = exp(far_b - peak.y);
        sum.y = dot(near_b + far_b, ones);
      }
      total = total * shrink + sum;

      let w = Weights(near_a, far_a, near_b, far_b);
      let near_v = near_at + first;
      let far_v = far_at + first;
      let d0 = weighted(w, near_v, far_v);
      a0 = a0 * shrink.x + d0.a;
      b0 = b0 * shrink.y + d0.b;
      if (owned > 1u) {
        let d1 = weighted(w, near_v + 1u, far_v + 1u);
        a1 = a1 * shrink.x + d1.a;
        b1 = b1 * shrink.y + d1.b;
      }
      if (owned > 2u) {
        let d2 = weighted(w, near_v + 2u, far_v + 2u);
        a2 = a2 * shrink.x + d2.a;
        b2 = b2 * shrink.y + d2.b;
      }
      if (owned > 3u) {
        let d3 = weighted(w, near_v + 3u, far_v + 3u);
        a3 = a3 * shrink.x + d3.a;
        b3 = b3 * shrink.y + d3.b;
      }
      if (COLUMNS > 4u && owned > 4u) {
        let d4 = weighted(w, near_v + 4u, far_v + 4u);
        a4 = a4 * shrink.x + d4.a;
        b4 = b4 * shrink.y + d4.b;
      }
      if (COLUMNS > 4u && owned > 5u) {
        let d5 = weighted(w, near_v + 5u, far_v + 5u);
        a5 = a5 * shrink.x + d5.a;
        b5 = b5 * shrink.y + d5.b;
      }
      if (COLUMNS > 4u && owned > 6u) {
        let d6 = weighted(w, near_v + 6u, far_v + 6u);
        a6 = a6 * shrink.x + d6.a;
        b6 = b6 * shrink.y + d6.b;
      }
      if (COLUMNS > 4u && owned > 7u) {
        let d7 = weighted(w, near_v + 7u, far_v + 7u);
        a7 = a7 * shrink.x + d7.a;
        b7 = b7 * shrink.y + d7.b;
      }
    }
  }

  var out_at = (row * params.NH + head) * columns + first;
  var twin_at = out_at + columns;
  var share = select(vec2f(0.0), 1.0 / max(total, vec2f(1e-30)), slot != NONE);
  if (params.splits > 1u) {
    let size = params.splits * (columns + 1u);
    let at = (row * params.NH + head) * size + split * (columns + 1u);
    if (first == 0u) {
      out[at + columns] = vec4f(peak.x, total.x, 0.0, 0.0);
      if (QUERIES > 1u && twin == 1u) { out[at + size + columns] = vec4f(peak.y, total.y, 0.0, 0.0); }
    }
    out_at = at + first;
    twin_at = out_at + size;
    share = vec2f(1.0);
  }
  out[out_at] = a0 * share.x;
  if (owned > 1u) { out[out_at + 1u] = a1 * share.x; }
  if (owned > 2u) { out[out_at + 2u] = a2 * share.x; }
  if (owned > 3u) { out[out_at + 3u] = a3 * share.x; }
  if (COLUMNS > 4u && owned > 4u) { out[out_at + 4u] = a4 * share.x; }
  if (COLUMNS > 4u && owned > 5u) { out[out_at + 5u] = a5 * share.x; }
  if (COLUMNS > 4u && owned > 6u) { out[out_at + 6u] = a6 * share.x; }
  if (COLUMNS > 4u && owned > 7u) { out[out_at + 7u] = a7 * share.x; }
  if (QUERIES > 1u && twin == 1u) {
    out[twin_at] = b0 * share.y;
    if (owned > 1u) { out[twin_at + 1u] = b1 * share.y; }
    if (owned > 2u) { out[twin_at + 2u] = b2 * share.y; }
    if (owned > 3u) { out[twin_at + 3u] = b3 * share.y; }
    if (COLUMNS > 4u && owned > 4u) { out[twin_at + 4u] = b4 * share.y; }
    if (COLUMNS > 4u && owned > 5u) { out[twin_at + 5u] = b5 * share.y; }
    if (COLUMNS > 4u && owned > 6u) { out[twin_at + 6u] = b6 * share.y; }
    if (COLUMNS > 4u && owned > 7u) { out[twin_at + 7u] = b7 * share.y; }
  }
}
