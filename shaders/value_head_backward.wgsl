// value_head_backward: dinp += dvalue * weight
// Source: derivative of value_head_forward; it flows into the backbone (arXiv:2401.08967, section 3.2).
//
//   dvalue  (M)    read
//   weight  (C)    read
//   dinp    (M,C)  read_write, +=
//
// Grid: ceil(M*C/256) workgroups, folded in two dimensions; one vec4 a thread.
struct Params { M: u32, C: u32 }

@group(0) @binding(0) var<storage, read> dvalue: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dinp: array<vec4f>;
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
  if (index >= params.M * columns) {
    return;
  }
  dinp[index] += dvalue[index / columns] * weight[index % columns];
}
