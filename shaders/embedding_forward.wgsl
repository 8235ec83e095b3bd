// embedding_forward: out[n] = scale * weight[tokens[n] - row0], for the tokens whose rows are here
// Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.4; scale is 1 but for Gemma.
//
//   tokens  (N)    read    u32
//   weight  (V,C)  read    rows row0 to row0 + rows - 1 of it
//   out     (N,C)  write   at tokens of these rows; the others are left alone
//
// Grid: ceil(N*C/256) workgroups, folded in two dimensions; one vec4 a thread.
struct Params { N: u32, C: u32, scale: f32, row0: u32, rows: u32 }

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
  // Below row0 it wraps around: far too large, too.
  let row = tokens[index / columns] - params.row0;
  if (row < params.rows) {
    out[index] = params.scale * weight[row * columns + index % columns];
  }
}
