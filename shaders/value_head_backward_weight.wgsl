// value_head_backward_weight: dweight += sum over rows of dvalue * inp,  dbias += sum over rows of dvalue
// Source: derivative of value_head_forward (arXiv:2401.08967, section 3.2).
//
//   dvalue   (M)    read
//   inp      (M,C)  read
//   dweight  (C)    read_write, +=
//   dbias    (1)    read_write, +=
//
// Grid: ceil(C/16) workgroups; 16 columns (4 vec4) a workgroup, 64 lanes over the rows, summed in a fixed order.
struct Params { M: u32, C: u32 }

@group(0) @binding(0) var<storage, read> dvalue: array<f32>;
@group(0) @binding(1) var<storage, read> inp: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dweight: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

const VECTORS = 4u;
const LANES = 64u;
const GROUP = 8u;
var<workgroup> partials: array<vec4f, 256>; // LANES x VECTORS
var<workgroup> bias_partials: array<f32, 256>;

@compute @workgroup_size(4, 64)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_id) lid: vec3u) {
  let columns = params.C / 4u;
  let column = wid.x * VECTORS + lid.x;
  let rows = select(0u, params.M, column < columns);
  let slot = lid.y * VECTORS + lid.x;

  var sum = vec4f(0.0);
  var bias_sum = 0.0;
  for (var row = lid.y; row < rows; row += LANES) {
    sum += dvalue[row] * inp[row * columns + column];
    bias_sum += dvalue[row];
  }
  partials[slot] = sum;
  bias_partials[slot] = bias_sum;
  workgroupBarrier();

  // 64 partial sums to 8, then to 1.
  if (lid.y < LANES / GROUP) {
    for (var i = 1u; i < GROUP; i++) {
      sum += partials[slot + i * (LANES / GROUP) * VECTORS];
      bias_sum += bias_partials[slot + i * (LANES / GROUP) * VECTORS];
    }
    partials[slot] = sum;
    bias_partials[slot] = bias_sum;
  }
  workgroupBarrier();
  if (lid.y == 0u && column < columns) {
    for (var i = 1u; i < LANES / GROUP; i++) {
      sum += partials[slot + i * VECTORS];
      bias_sum += bias_partials[slot + i * VECTORS];
    }
    dweight[column] += sum;
    if (column == 0u) {
      dbias[0] += bias_sum;
    }
  }
}
