// layernorm_backward: with x = (inp - mean) * rstd and g = dout * weight:  dinp += rstd * (g - mean(g) - x * mean(g * x)),
//   partials = sums of dout * x and of dout over 32 rows, which rmsnorm_backward_weight adds up
// Source: derivative of layernorm_forward (Ba, Kiros & Hinton 2016, arXiv:1607.06450, eq. 4).
//
//   dout      (N,C)        read
//   inp       (N,C)        read     what was normalised: `sum` after residual_layernorm_forward
//   weight    (2,C)        read     the weight, then the bias
//   stats     (N,2)        read     mean, rstd: from the forward
//   dinp      (N,C)        read_write, +=   the gradient of the residual stream
//   partials  (ceil(N/32),2,C)  write   of the weight, then of the bias
//
// Grid: ceil(N/32) workgroups, folded in two dimensions; 32 rows a workgroup, 8 at a time, LANES threads a row.
struct Params { N: u32, C: u32 }

@group(0) @binding(0) var<storage, read> dout: array<vec4f>;
@group(0) @binding(1) var<storage, read> inp: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read> stats: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> dinp: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

override LANES: u32 = 8u; // threads a row, at most 8; few where barriers are dear
const ROWS = 32u;
const TEAM = 8u; // rows at a time
var<workgroup> products: array<vec2f, 256>; // ROWS x LANES: sums of g and of g * x
var<workgroup> pulls: array<vec2f, ROWS>; // their means

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

  // sum(g) and sum(g * x) of every row: each lane its columns, then one thread a row adds them in order.
  for (var r = lid.y; r < rows; r += TEAM) {
    let base = (first + r) * columns;
    let row = stats[first + r];
    var sum = vec2f(0.0);
    for (var c = lid.x; c < columns; c += LANES) {
      let g = dout[base + c] * weight[c];
      sum += vec2f(dot(g, vec4f(1.0)), dot(g, (inp[base + c] - row.x) * row.y));
    }
    products[r * LANES + lid.x] = sum;
  }
  workgroupBarrier();
  for (var r = thread; r < rows; r += TEAM * LANES) {
    var total = vec2f(0.0);
    for (var lane = 0u; lane < LANES; lane++) {
      total += products[r * LANES + lane];
    }
    pulls[r] = total / f32(params.C);
  }
  workgroupBarrier();

  // Each thread its columns, the rows in order.
  for (var c = thread; c < columns; c += TEAM * LANES) {
    let own = weight[c];
    var dweight = vec4f(0.0);
    var dbias = vec4f(0.0);
    for (var r = 0u; r < rows; r++) {
      let at = (first + r) * columns + c;
      let row = stats[first + r];
      let x = (inp[at] - row.x) * row.y;
      dinp[at] += row.y * (dout[at] * own - pulls[r].x - x * pulls[r].y);
      dweight += dout[at] * x;
      dbias += dout[at];
    }
    if (rows > 0u) {
      partials[2u * group * columns + c] = dweight;
      partials[(2u * group + 1u) * columns + c] = dbias;
    }
  }
}
