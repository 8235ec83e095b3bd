// decode_attention: out = softmax(scale q k^T) v, one query a sequence over what its cache holds up to its position
// Options: scores s become CAP tanh(s / CAP), as in Gemma 2 (arXiv:2408.00118, section 2); only the last `window` keys are seen.
// Source: Dao et al. 2023 (Flash-Decoding); online softmax: Milakov & Gimelshein 2018, arXiv:1805.02867, algorithm 3.
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
// Grid: (NH, B, splits), one workgroup a query head of a sequence and `chunk` of its keys. Keys come 64 at a time: scored one a thread, then summed by
// 64 / (HS/4) threads for each vec4 column, which are added at the end.
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
const WG = 64u;
const NONE = 0xffffffffu;
const MASKED = -1e30; // finite: (-inf) - (-inf) is not the same on all adapters

var<workgroup> query: array<vec4f, 64>; // scaled
var<workgroup> scores: array<f32, 64>;
var<workgroup> weights: array<f32, 64>;
var<workgroup> sums: array<vec4f, 64>;

// The product of a query, already scaled, and a key as a score.
fn scored(s: f32) -> f32 {
  if (CAP == 0.0) {
    return s;
  }
  return CAP - 2.0 * CAP / (1.0 + exp(clamp(2.0 * s / CAP, -80.0, 80.0)));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let head = wid.x;
  let row = wid.y;
  let columns = params.HS / 4u;
  let is_split = params.splits > 1u;
  let out_at = ((row * params.NH + head) * params.splits + wid.z) * (columns + u32(is_split));
  let slot = slots[row];
  let seen = positions[row] + 1u;
  let begin = max(wid.z * params.chunk, seen - min(params.window, seen));
  let length = select(0u, min(seen, min(params.Tmax, (wid.z + 1u) * params.chunk)), slot != NONE);
  if (length <= begin) {
    if (lid < columns && !is_split) { out[out_at + lid] = vec4f(0.0); }
    return;
  }
  if (lid < columns) {
    query[lid] = qkv[row * (params.QKV / 4u) + head * columns + lid] * params.scale;
  }
  workgroupBarrier();

  let width = params.NKV * columns;
  let cache = slot * params.Tmax * width + head / (params.NH / params.NKV) * columns;
  let splits = WG / columns;
  let column = lid % columns;
  let split = lid / columns;
  var peak = MASKED;
  var total = 0.0; // of the keys this thread scored
  var sum = vec4f(0.0);
  for (var t0 = begin; t0 < length; t0 += WG) {
    // one score a thread
    let open = t0 + lid < length;
    var score = MASKED;
    if (open) {
      let at = cache + (t0 + lid) * width;
      var products = vec4f(0.0);
      for (var c = 0u; c < columns; c++) {
        products += query[c] * k_cache[at + c];
      }
      score = scored(products.x + products.y + products.z + products.w);
    }
    scores[lid] = score;
    workgroupBarrier();

    // online softmax: what was summed before is scaled to the new peak
    var new_peak = peak;
    for (var i = 0u; i < WG; i++) {
      new_peak = max(new_peak, scores[i]);
    }
    let shrink = exp(peak - new_peak);
    peak = new_peak;
    let weight = select(0.0, exp(score - peak), open);
    weights[lid] = weight;
    total = total * shrink + weight;
    workgroupBarrier();

    // sum += weights v; the barrier before the next weights keeps these in place
    sum *= shrink;
    if (split < splits) {
      for (var j = split; j < min(WG, length - t0); j += splits) {
        sum += weights[j] * v_cache[cache + (t0 + j) * width + column];
      }
    }
  }

  // scores serves a second time, for the totals: every thread is past its last look at it
  scores[lid] = total;
  sums[lid] = sum;
  workgroupBarrier();
  if (lid < columns) {
    var all = 0.0;
    for (var i = 0u; i < WG; i++) {
      all += scores[i];
    }
    var result = vec4f(0.0);
    for (var i = 0u; i < splits; i++) {
      result += sums[i * columns + lid];
    }
    out[out_at + lid] = select(result / all, result, is_split);
    if (lid == 0u && is_split) { out[out_at + columns] = vec4f(peak, all, 0.0, 0.0); }
  }
}
