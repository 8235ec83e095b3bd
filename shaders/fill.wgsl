// fill: out = value, the first `count` elements
//
//   out  (count)  write
//
// Grid: ceil(count/256) workgroups, folded in two dimensions; one element a thread.
struct Params { count: u32, value: f32 }

@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@group(0) @binding(1) var<uniform> params: Params;

const WG = 256u;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (wid.y * nwg.x + wid.x) * WG + lane;
  if (index < params.count) {
    out[index] = params.value;
  }
}
