// layernorm_forward: out = (inp - mean) * rstd * weight + bias,  rstd = 1 / sqrt(mean((inp - mean)^2) + eps)
// Source: Ba, Kiros & Hinton 2016, arXiv:1607.06450, eq. 4; eps inside the root as in torch.nn.LayerNorm.
//
//   inp     (N,C)  read
//   weight  (2,C)  read     the weight, then the bias
//   out     (N,C)  write
//   stats   (N,2)  write    mean, rstd: kept for layernorm_backward
//
// Grid: ceil(N/4) workgroups, folded in two dimensions; 4 rows a workgroup, LANES threads a row.
struct Params { N: u32, C: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> inp: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> stats: array<vec2f>;
@group(0) @binding(4) var<uniform> params: Params;

override LANES: u32 = 16u; // threads a row, at most 16; few where barriers are dear
const ROWS = 4u;
var<workgroup> sums: array<f32, 64>; // ROWS x LANES
var<workgroup> squares: array<f32, 64>;

@compute @workgroup_size(LANES, 4)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_id) lid: vec3u,
) {
  let row = (wid.y * nwg.x + wid.x) * ROWS + lid.y;
  let columns = params.C / 4u;
  let end = select(0u, columns, row < params.N);
  let base = row * columns;
  let team = lid.y * LANES;

  // Mean: each lane its columns, then every lane adds the row's partial sums in the same order.
  var sum = 0.0;
  for (var c = lid.x; c < end; c += LANES) {
    sum += dot(inp[base + c], vec4f(1.0));
  }
  sums[team + lid.x] = sum;
  workgroupBarrier();
  var total = 0.0;
  for (var lane = 0u; lane < LANES; lane++) {
    total += sums[team + lane];
  }
  let mean = total / f32(params.C);

  // Variance, of deviations from the mean: a difference of squares would lose what a large mean hides.
  var square = 0.0;
  for (var c = lid.x; c < end; c += LANES) {
    let x = inp[base + c] - mean;
    square += dot(x, x);
  }
  squares[team + lid.x] = square;
  workgroupBarrier();
  var spread = 0.0;
  for (var lane = 0u; lane < LANES; lane++) {
    spread += squares[team + lane];
  }
  let rstd = inverseSqrt(spread / f32(params.C) + params.eps);

  for (var c = lid.x; c < end; c += LANES) {
    out[base + c] = (inp[base + c] - mean) * rstd * weight[c] + weight[columns + c];
  }
  if (lid.x == 0u && row < params.N) {
    stats[row] = vec2f(mean, rstd);
  }
}
