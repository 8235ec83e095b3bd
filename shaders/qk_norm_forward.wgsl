// qk_norm_forward: every query and key head RMS-normed by itself:  out = (weight + offset) * inp * rstd,
//   rstd = 1 / sqrt(mean(inp^2) + eps) of its HS floats; value heads are copied
// Source: Qwen 3, arXiv:2505.09388, section 2; Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4. Gemma 3 keeps weights less 1.
//
//   inp     (N,QKV)      read    [NH query heads | NKV key heads | NKV value heads] of HS, as projected
//   weight  (2,HS)       read    of the queries, then of the keys
//   out     (N,QKV)      write
//   rstd    (N,NH+NKV)   write   kept for qk_norm_backward
//
// Grid: ceil(N*(NH+2*NKV)/8) workgroups, folded in two dimensions; 8 heads a workgroup, LANES threads a head.
struct Params {
  N: u32,
  NH: u32,
  NKV: u32,
  HS: u32,
  eps: f32,
  offset: f32,
}

@group(0) @binding(0) var<storage, read> inp: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> rstd: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

override LANES: u32 = 8u; // threads a head, at most 8; few where barriers are dear
const ROWS = 8u;
var<workgroup> partials: array<f32, 64>; // ROWS x LANES

@compute @workgroup_size(LANES, 8)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_id) lid: vec3u,
) {
  // heads of all tokens lie end to end
  let heads = params.NH + 2u * params.NKV;
  let row = (wid.y * nwg.x + wid.x) * ROWS + lid.y;
  let token = row / heads;
  let head = row % heads;
  let columns = select(0u, params.HS / 4u, token < params.N);
  let base = row * (params.HS / 4u);
  let is_normed = head < params.NH + params.NKV;

  // Sum of squares: each lane its columns, then every lane adds the head's partial sums in the same order.
  var squares = 0.0;
  for (var c = lid.x; c < columns; c += LANES) {
    squares += dot(inp[base + c], inp[base + c]);
  }
  partials[lid.y * LANES + lid.x] = squares;
  workgroupBarrier();
  var total = 0.0;
  for (var lane = 0u; lane < LANES; lane++) {
    total += partials[lid.y * LANES + lane];
  }
  let scale = inverseSqrt(total / f32(params.HS) + params.eps);

  let own = select(0u, params.HS / 4u, head >= params.NH);
  for (var c = lid.x; c < columns; c += LANES) {
    let x = inp[base + c];
    if (is_normed) {
      out[base + c] = (weight[own + c] + params.offset) * x * scale;
    } else {
      out[base + c] = x;
    }
  }
  if (lid.x == 0u && token < params.N && is_normed) {
    rstd[token * (params.NH + params.NKV) + head] = scale;
  }
}
