// embedding_forward: out[n] = scale * weight[tokens[n]]
// Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.4; scale is 1 but for Gemma.
//
//   tokens  (N)    read    u32, below V
//   weight  (V,C)  read
//   out     (N,C)  write
//
// Grid: ceil(N*C/256) workgroups, folded in two dimensions; one vec4 a thread.
struct Params { N: u32, C: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> tokens: array<u32>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

const WG = 64u;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (wid.y * nwg.x + wid.x) * WG + lane;
  let columns = params.C / 4u;
  if (index >= params.N * columns) {
    return;
  }
  out[index] = params.scale * weight[tokens[index / columns] * columns + index % columns];
}
