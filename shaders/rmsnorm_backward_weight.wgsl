// rmsnorm_backward_weight: dweight += sum over blocks of partials, of all norms of a model at once
// Source: derivative of rmsnorm_forward (Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4).
//
//   partials  (K,most,C)  read         from rmsnorm_backward, the first `blocks` of each norm; of LayerNorm, with its
//                                      weight and bias of C/2 columns each, from layernorm_backward
//   dweight   (K,stride)  read_write, +=   C of each row
//
// Grid: ceil(K*C/256) workgroups, folded in two dimensions; one vec4 of columns of a norm a thread, blocks in order.
struct Params { K: u32, C: u32, blocks: u32, most: u32, stride: u32 }

@group(0) @binding(0) var<storage, read> partials: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> dweight: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

const WG = 64u;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (wid.y * nwg.x + wid.x) * WG + lane;
  let columns = params.C / 4u;
  if (index >= params.K * columns) {
    return;
  }
  let norm = index / columns;
  let column = index % columns;
  let base = norm * params.most * columns + column;
  var sum = vec4f(0.0);
  for (var block = 0u; block < params.blocks; block++) {
    sum += partials[base + block * columns];
  }
  dweight[norm * (params.stride / 4u) + column] += sum;
}
