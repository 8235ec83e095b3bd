// scatter_rows: dinp[n] = dout[inverse[n]], or 0 where no row was gathered from n; the backward of gather_rows
//
//   dout     (M,C)  read
//   inverse  (N)    read     u32: which row was gathered from n, 0xffffffff for none
//   dinp     (N,C)  write    every element
//
// Grid: ceil(N*C/256) workgroups, folded in two dimensions; one vec4 a thread.
struct Params { N: u32, C: u32 }

@group(0) @binding(0) var<storage, read> dout: array<vec4f>;
@group(0) @binding(1) var<storage, read> inverse: array<u32>;
@group(0) @binding(2) var<storage, read_write> dinp: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

const WG = 64u;
const NONE = 0xffffffffu;

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
  let row = inverse[index / columns];
  var gradient = vec4f(0.0);
  if (row != NONE) {
    gradient = dout[row * columns + index % columns];
  }
  dinp[index] = gradient;
}
