// lora_expand_backward: dinp[o, j] += scale * dout[row0 + o, start + j];  dout = 0 in those rows
// Like adamw it leaves behind it a gradient of zero, for the next micro-batches to add to. What products left in the other
// columns is the gradient of zeros that stay zeros.
// Source: derivative of lora_expand.
//
//   dout  (OUT,width)   read_write
//   dinp  (rows,r)      read_write, +=
//
// Grid: ceil(rows*width/256) workgroups, folded in two dimensions; one value of dout a thread.
struct Params { rows: u32, r: u32, width: u32, row0: u32, start: u32, scale: f32 }

@group(0) @binding(0) var<storage, read_write> dout: array<f32>;
@group(0) @binding(1) var<storage, read_write> dinp: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

const WG = 256u;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (wid.y * nwg.x + wid.x) * WG + lane;
  if (index >= params.rows * params.width) {
    return;
  }
  let at = params.row0 * params.width + index;
  let column = index % params.width;
  if (column >= params.start && column < params.start + params.r) {
    dinp[index / params.width * params.r + column - params.start] += params.scale * dout[at];
  }
  dout[at] = 0.0;
}
