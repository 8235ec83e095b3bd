// decode_attention_direct: decode_attention without workgroup memory or barriers, for adapters that run on a CPU:
//   out = softmax(q k^T / sqrt(HS)) v, one query a sequence over what its cache holds up to its position
// Source: Milakov & Gimelshein 2018, arXiv:1805.02867, algorithm 3 (online softmax), on blocks of 4 keys.
//
//   qkv        (B,QKV)          read   [NH query heads | NKV key heads | NKV value heads] of HS; the queries, rope applied
//   slots      (B)              read   where each sequence lives; 0xffffffff: its row of out is 0
//   positions  (B)              read   row b attends cache[slot, 0..position], its own key included (rope_append ran)
//   k_cache    (S,Tmax,NKV*HS)  read
//   v_cache    (S,Tmax,NKV*HS)  read
//   out        (B,NH*HS)        write
//
// Grid: one thread a sequence, query head and 16 of its output columns, 8 a workgroup; rows of workgroups folded into y.
struct Params {
  B: u32,
  NH: u32,
  NKV: u32,
  HS: u32,
  QKV: u32,
  Tmax: u32,
}

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read> slots: array<u32>;
@group(0) @binding(2) var<storage, read> positions: array<u32>;
@group(0) @binding(3) var<storage, read> k_cache: array<vec4f>;
@group(0) @binding(4) var<storage, read> v_cache: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

const NONE = 0xffffffffu;
const MASKED = -1e30; // finite: (-inf) - (-inf) is not the same on all adapters

// weights . v of four keys, at one vec4 column.
fn weighted(p: vec4f, at: vec4u) -> vec4f {
  return p.x * v_cache[at.x] + p.y * v_cache[at.y] + p.z * v_cache[at.z] + p.w * v_cache[at.w];
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lid: u32,
) {
  let columns = params.HS / 4u;
  let parts = (columns + 3u) / 4u;
  let index = (wid.y * nwg.x + wid.x) * 8u + lid;
  let head = index / parts % params.NH;
  let row = index / parts / params.NH;
  if (row >= params.B) {
    return;
  }
  let first = index % parts * 4u; // of the vec4 columns of this thread
  let owned = min(4u, columns - first);
  let out_at = (row * params.NH + head) * columns + first;
  let slot = slots[row];

  var peak = MASKED;
  var total = 0.0;
  var o0 = vec4f(0.0);
  var o1 = vec4f(0.0);
  var o2 = vec4f(0.0);
  var o3 = vec4f(0.0);
  if (slot != NONE) {
    let last = min(positions[row], params.Tmax - 1u);
    let width = params.NKV * columns;
    let cache = slot * params.Tmax * width + head / (params.NH / params.NKV) * columns;
    let q_at = row * (params.QKV / 4u) + head * columns;
    let scale = 1.0 / sqrt(f32(params.HS));
    for (var t0 = 0u; t0 <= last; t0 += 4u) {
      let keys = t0 + vec4u(0u, 1u, 2u, 3u);
      let at = cache + min(keys, vec4u(last)) * width;
      var s = vec4f(0.0);
      for (var c = 0u; c < columns; c++) {
        s += qkv[q_at + c] * mat4x4f(k_cache[at.x + c], k_cache[at.y + c], k_cache[at.z + c], k_cache[at.w + c]);
      }
      s = select(vec4f(MASKED), s * scale, keys <= vec4u(last));

      // online softmax: what was summed before is scaled to the new peak
      let new_peak = max(peak, max(max(s.x, s.y), max(s.z, s.w)));
      let shrink = exp(peak - new_peak);
      peak = new_peak;
      let p = exp(s - peak);
      total = total * shrink + p.x + p.y + p.z + p.w;
      let v_at = at + first;
      o0 = o0 * shrink + weighted(p, v_at);
      if (owned > 1u) { o1 = o1 * shrink + weighted(p, v_at + 1u); }
      if (owned > 2u) { o2 = o2 * shrink + weighted(p, v_at + 2u); }
      if (owned > 3u) { o3 = o3 * shrink + weighted(p, v_at + 3u); }
    }
  }
  let share = select(0.0, 1.0 / max(total, 1e-30), slot != NONE);
  out[out_at] = o0 * share;
  if (owned > 1u) { out[out_at + 1u] = o1 * share; }
  if (owned > 2u) { out[out_at + 2u] = o2 * share; }
  if (owned > 3u) { out[out_at + 3u] = o3 * share; }
}
