// decode_attention_merge: the splits of decode_attention become its result:
//   out = sum_s sums_s exp(peak_s - peak) / sum_s total_s exp(peak_s - peak),  peak = max_s peak_s
// Source: Dao et al. 2023 (Flash-Decoding), the last step.
//
//   partials   (B,NH,splits,HS+4)  read   sums, then peak and total, of each `chunk` keys
//   slots      (B)                 read   0xffffffff: its row of out is 0
//   positions  (B)                 read   splits past this key, or before its window, were not written
//   out        (B,NH*HS)           write
//
// Grid: one thread 4 columns of a head, 64 a workgroup; rows of workgroups folded into y. Splits in ascending order.
struct Params {
  B: u32,
  NH: u32,
  HS: u32,
  splits: u32,
  chunk: u32,
  window: u32, // keys a query sees, its own the last; 2^31: all
}

@group(0) @binding(0) var<storage, read> partials: array<vec4f>;
@group(0) @binding(1) var<storage, read> slots: array<u32>;
@group(0) @binding(2) var<storage, read> positions: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

const NONE = 0xffffffffu;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lid: u32,
) {
  let columns = params.HS / 4u;
  let index = (wid.y * nwg.x + wid.x) * 64u + lid;
  let row = index / columns / params.NH;
  if (row >= params.B) {
    return;
  }
  if (slots[row] == NONE) {
    out[index] = vec4f(0.0);
    return;
  }
  let written = min(positions[row] / params.chunk + 1u, params.splits);
  let size = columns + 1u;
  let at = index / columns * params.splits * size;
  let seen = positions[row] + 1u;
  let first = (seen - min(params.window, seen)) / params.chunk;
  var peak = partials[at + first * size + columns].x;
  for (var s = first + 1u; s < written; s++) {
    peak = max(peak, partials[at + s * size + columns].x);
  }
  var sum = vec4f(0.0);
  var total = 0.0;
  for (var s = first; s < written; s++) {
    let statistics = partials[at + s * size + columns];
    let weight = exp(statistics.x - peak);
    total += weight * statistics.y;
    sum += weight * partials[at + s * size + index % columns];
  }
  out[index] = sum / total;
}
