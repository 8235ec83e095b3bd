// rmsnorm_backward: g = dout * (weight + offset),  dinp += rstd * (g - inp * rstd^2 * mean(g * inp)),
//   partials = sum of dout * inp * rstd over 32 rows, which rmsnorm_backward_weight adds up
// Source: derivative of rmsnorm_forward (Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4).
//
//   dout      (N,C)        read
//   inp       (N,C)        read     what was normalised: `sum` after residual_rmsnorm_forward
//   weight    (C)          read
//   rstd      (N)          read     from the forward
//   dinp      (N,C)        read_write, +=   the gradient of the residual stream
//   partials  (ceil(N/32),C)  write
//
// Grid: ceil(N/32) workgroups, folded in two dimensions; 32 rows a workgroup, 8 at a time, LANES threads a row.
struct Params { N: u32, C: u32, offset: f32 }

@group(0) @binding(0) var<storage, read> dout: array<vec4f>;
@group(0) @binding(1) var<storage, read> inp: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read> rstd: array<f32>;
@group(0) @binding(4) var<storage, read_write> dinp: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

override LANES: u32 = 8u; // threads a row, at most 8; few where barriers are dear
const ROWS = 32u;
const TEAM = 8u; // rows at a time
var<workgroup> products: array<f32, 256>; // ROWS x LANES
var<workgroup> pulls: array<f32, ROWS>;

@compute @workgroup_size(LANES, 8)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_id) lid: vec3u,
) {
  let group = wid.y * nwg.x + wid.x;
  let first = group * ROWS;
  let rows = min(ROWS, max(params.N, first) - first);
  let columns = params.C / 4u;
  let thread = lid.y * LANES + lid.x;

  // sum(g * inp) of every row: each lane its columns, then one thread a row adds them in order.
  for (var r = lid.y; r < rows; r += TEAM) {
    let base = (first + r) * columns;
    var sum = 0.0;
    for (var c = lid.x; c < columns; c += LANES) {
      sum += dot(dout[base + c] * (weight[c] + params.offset), inp[base + c]);
    }
    products[r * LANES + lid.x] = sum;
  }
  workgroupBarrier();
  for (var r = thread; r < rows; r += TEAM * LANES) {
    var total = 0.0;
    for (var lane = 0u; lane < LANES; lane++) {
      total += products[r * LANES + lane];
    }
    let scale = rstd[first + r];
    pulls[r] = scale * scale * total / f32(params.C);
  }
  workgroupBarrier();

  // Each thread its columns, the rows in order.
  for (var c = thread; c < columns; c += TEAM * LANES) {
    let own = weight[c] + params.offset;
    var dweight = vec4f(0.0);
    for (var r = 0u; r < rows; r++) {
      let at = (first + r) * columns + c;
      let scale = rstd[first + r];
      dinp[at] += scale * (dout[at] * own - inp[at] * pulls[r]);
      dweight += dout[at] * inp[at] * scale;
    }
    if (rows > 0u) {
      partials[group * columns + c] = dweight;
    }
  }
}
