// rmsnorm_forward: out = or += (weight + offset) * inp * rstd,  rstd = 1 / sqrt(mean(inp^2) + eps)
// Source: Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4; offset: 1 where weights
// are kept less 1 (Gemma), else 0.
//
//   inp     (N,C)  read
//   weight  (C)    read
//   out     (N,C)  write, read where ADD
//   rstd    (N)    write    kept for rmsnorm_backward
//
// Grid: ceil(N/4) workgroups, folded in two dimensions; 4 rows a workgroup, LANES threads a row.
struct Params { N: u32, C: u32, eps: f32, offset: f32 }

@group(0) @binding(0) var<storage, read> inp: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> rstd: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

override LANES: u32 = 16u; // threads a row, at most 16; few where barriers are dear
override ADD: bool = false; // out += instead of out =
const ROWS = 4u;
var<workgroup> partials: array<f32, 64>; // ROWS x LANES

@compute @workgroup_size(LANES, 4)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_id) lid: vec3u,
) {
  let row = (wid.y * nwg.x + wid.x) * ROWS + lid.y;
  let columns = select(0u, params.C / 4u, row < params.N);
  let base = row * (params.C / 4u);

  // Sum of squares: each lane its columns, then every lane adds the row's partial sums in the same order.
  var squares = 0.0;
  for (var c = lid.x; c < columns; c += LANES) {
    let x = inp[base + c];
    squares += dot(x, x);
  }
  partials[lid.y * LANES + lid.x] = squares;
  workgroupBarrier();
  var total = 0.0;
  for (var lane = 0u; lane < LANES; lane++) {
    total += partials[lid.y * LANES + lane];
  }
  let scale = inverseSqrt(total / f32(params.C) + params.eps);

  for (var c = lid.x; c < columns; c += LANES) {
    let value = (weight[c] + params.offset) * inp[base + c] * scale;
    if (ADD) {
      out[base + c] += value;
    } else {
      out[base + c] = value;
    }
  }
  if (lid.x == 0u && row < params.N) {
    rstd[row] = scale;
  }
}
