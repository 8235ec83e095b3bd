// lora_expand: out[row0 + o, start + j] = scale * inp[o, j],  0 in the other columns of those rows
// The second factor of an adapted projection as products read it: one block of columns for each module that was fused
// into the projection, so that the update of all of them is one product, x A^T out^T.
// Source: Hu et al. 2021, arXiv:2106.09685, section 4.1 (scale = alpha / r).
//
//   inp  (rows,r)      read         B of one module
//   out  (OUT,width)   read_write   rows row0 ... row0 + rows - 1 are written
//
// Grid: ceil(rows*width/256) workgroups, folded in two dimensions; one value a thread.
struct Params { rows: u32, r: u32, width: u32, row0: u32, start: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> inp: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
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
  let o = index / params.width;
  let column = index % params.width;
  var value = 0.0;
  if (column >= params.start && column < params.start + params.r) {
    value = params.scale * inp[o * params.r + column - params.start];
  }
  out[params.row0 * params.width + index] = value;
}
