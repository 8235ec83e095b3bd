// value_head_forward: value = inp · weight + bias
// Source: Luong et al. 2024, arXiv:2401.08967, section 3.2 (a linear layer on the final hidden state).
//
//   inp     (M,C)  read
//   weight  (C)    read
//   bias    (1)    read
//   value   (M)    write
//
// Grid: ceil(M/4) workgroups, folded in two dimensions; 4 rows a workgroup, 16 lanes a row.
struct Params { M: u32, C: u32 }

@group(0) @binding(0) var<storage, read> inp: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> value: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

const LANES = 16u;
const ROWS = 4u;
var<workgroup> partials: array<f32, 64>; // ROWS x LANES

@compute @workgroup_size(16, 4)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_id) lid: vec3u,
) {
  let row = (wid.y * nwg.x + wid.x) * ROWS + lid.y;
  let columns = select(0u, params.C / 4u, row < params.M);
  let base = row * (params.C / 4u);

  var products = 0.0;
  for (var c = lid.x; c < columns; c += LANES) {
    products += dot(inp[base + c], weight[c]);
  }
  partials[lid.y * LANES + lid.x] = products;
  workgroupBarrier();
  if (lid.x == 0u && row < params.M) {
    var total = bias[0];
    for (var lane = 0u; lane < LANES; lane++) {
      total += partials[lid.y * LANES + lane];
    }
    value[row] = total;
  }
}
