// reduce_columns: out += sum over rows of inp, the last column of which objectives leave 0 and flags take
//
//   inp    (M,16)  read         the statistics an objective writes, one row a token
//   flags  (M)     read         logits_stats: 1 where the token was the model's first choice
//   out    (16)    read_write, +=
//
// Grid: one workgroup; 4 vec4 columns, 64 lanes over the rows, summed in a fixed order.
struct Params { M: u32 }

@group(0) @binding(0) var<storage, read> inp: array<vec4f>;
@group(0) @binding(1) var<storage, read> flags: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

const VECTORS = 4u;
const LANES = 64u;
const GROUP = 8u;
var<workgroup> partials: array<vec4f, 256>; // LANES x VECTORS

@compute @workgroup_size(4, 64)
fn main(@builtin(local_invocation_id) lid: vec3u) {
  var sum = vec4f(0.0);
  for (var row = lid.y; row < params.M; row += LANES) {
    sum += inp[row * VECTORS + lid.x];
    if (lid.x == VECTORS - 1u) {
      sum.w += flags[row];
    }
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
  if (lid.y == 0u) {
    for (var i = 1u; i < LANES / GROUP; i++) {
      sum += partials[i * VECTORS + lid.x];
    }
    out[lid.x] += sum;
  }
}
