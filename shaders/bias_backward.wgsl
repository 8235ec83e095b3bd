// bias_backward: dbias += sum over rows of dout
// Source: derivative of inp weightᵀ + bias with respect to its bias.
//
//   dout   (N,C)  read
//   dbias  (C)    read_write, +=
//
// Grid: ceil(C/32) workgroups; 32 columns (8 vec4) a workgroup, LANES threads over the rows, summed in a fixed order.
struct Params { N: u32, C: u32 }

@group(0) @binding(0) var<storage, read> dout: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> dbias: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

override LANES: u32 = 32u; // threads a column of vec4, at most 32; one where barriers are dear
const VECTORS = 8u;
const RUN = 32u; // rows summed before they join the total, so that long sums keep their small terms
var<workgroup> partials: array<vec4f, 256>; // LANES x VECTORS

@compute @workgroup_size(8, LANES)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_id) lid: vec3u) {
  let columns = params.C / 4u;
  let column = wid.x * VECTORS + lid.x;
  let rows = select(0u, params.N, column < columns);

  // Each lane its runs of 32 rows, in order; then one lane adds what all found.
  var sum = vec4f(0.0);
  for (var first = lid.y * RUN; first < rows; first += LANES * RUN) {
    var run = vec4f(0.0);
    for (var row = first; row < min(first + RUN, rows); row++) {
      run += dout[row * columns + column];
    }
    sum += run;
  }
  partials[lid.y * VECTORS + lid.x] = sum;
  workgroupBarrier();
  if (lid.y == 0u && column < columns) {
    for (var lane = 1u; lane < LANES; lane++) {
      sum += partials[lane * VECTORS + lid.x];
    }
    dbias[column] += sum;
  }
}
