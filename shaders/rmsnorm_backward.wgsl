// rmsnorm_backward: g = dout * weight,  dinp += rstd * (g - inp * rstd^2 * mean(g * inp))
// Source: derivative of rmsnorm_forward (Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4).
//
//   dout    (N,C)  read
//   inp     (N,C)  read     what was normalised: `sum` after residual_rmsnorm_forward
//   weight  (C)    read
//   rstd    (N)    read     from the forward
//   dinp    (N,C)  read_write, +=   the gradient of the residual stream
//
// Grid: ceil(N/4) workgroups, folded in two dimensions; 4 rows a workgroup, LANES threads a row.
struct Params { N: u32, C: u32 }

@group(0) @binding(0) var<storage, read> dout: array<vec4f>;
@group(0) @binding(1) var<storage, read> inp: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read> rstd: array<f32>;
@group(0) @binding(4) var<storage, read_write> dinp: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

override LANES: u32 = 16u; // threads a row, at most 16; few where barriers are dear
const ROWS = 4u;
var<workgroup> partials: array<f32, 64>; // ROWS x LANES

@compute @workgroup_size(LANES, 4)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_id) lid: vec3u,
) {
  let row = (wid.y * nwg.x + wid.x) * ROWS + lid.y;
  let inside = row < params.N;
  let columns = select(0u, params.C / 4u, inside);
  let base = row * (params.C / 4u);

  // sum(g * inp): each lane its columns, then every lane adds the row's partial sums in the same order.
  var products = 0.0;
  for (var c = lid.x; c < columns; c += LANES) {
    products += dot(dout[base + c] * weight[c], inp[base + c]);
  }
  partials[lid.y * LANES + lid.x] = products;
  workgroupBarrier();
  var total = 0.0;
  for (var lane = 0u; lane < LANES; lane++) {
    total += partials[lid.y * LANES + lane];
  }
  var scale = 0.0;
  if (inside) {
    scale = rstd[row];
  }
  let pull = scale * scale * total / f32(params.C);

  for (var c = lid.x; c < columns; c += LANES) {
    dinp[base + c] += scale * (dout[base + c] * weight[c] - inp[base + c] * pull);
  }
}
