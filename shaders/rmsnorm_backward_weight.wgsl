// rmsnorm_backward_weight: dweight += sum over rows of dout * inp * rstd
// Source: derivative of rmsnorm_forward (Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4).
//
//   dout     (N,C)  read
//   inp      (N,C)  read     what was normalised: `sum` after residual_rmsnorm_forward
//   rstd     (N)    read     from the forward
//   dweight  (C)    read_write, +=
//
// Grid: ceil(C/16) workgroups; 16 columns (4 vec4) a workgroup, 64 lanes over the rows, summed in a fixed order.
struct Params { N: u32, C: u32 }

@group(0) @binding(0) var<storage, read> dout: array<vec4f>;
@group(0) @binding(1) var<storage, read> inp: array<vec4f>;
@group(0) @binding(2) var<storage, read> rstd: array<f32>;
@group(0) @binding(3) var<storage, read_write> dweight: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

const VECTORS = 4u;
const LANES = 64u;
const GROUP = 8u;
var<workgroup> partials: array<vec4f, 256>; // LANES x VECTORS

@compute @workgroup_size(4, 64)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_id) lid: vec3u) {
  let columns = params.C / 4u;
  let column = wid.x * VECTORS + lid.x;
  let rows = select(0u, params.N, column < columns);

  var sum = vec4f(0.0);
  for (var row = lid.y; row < rows; row += LANES) {
    sum += dout[row * columns + column] * inp[row * columns + column] * rstd[row];
  }
  partials[lid.y * VECTORS + lid.x] = sum;
  workgroupBarrier();

  // 64 partial sums to 8, then to 1.
  if (lid.y < LANES / GROUP) {
    for (var i = 1u; i < GROUP; i++) {
      sum += partials[(lid.y + i * (LANES / GROUP)) * VECTORS + lid.x];
    }
    partials[lid.y * VECTORS + lid.x] = sum;
  }
  workgroupBarrier();
  if (lid.y == 0u && column < columns) {
    for (var i = 1u; i < LANES / GROUP; i++) {
      sum += partials[i * VECTORS + lid.x];
    }
    dweight[column] += sum;
  }
}
