// position_forward: out[n] += weight[positions[n] + first], learned positions
// Source: Radford et al. 2019 (GPT-2), wpe; OPT (arXiv:2205.01068) keeps two rows before the first. Gradient: embedding_backward.
//
//   positions  (N)         read        u32
//   weight     (first+T,C) read
//   out        (N,C)       read_write, +=
//
// Grid: ceil(N*C/256) workgroups, folded in two dimensions; one vec4 a thread.
struct Params { N: u32, C: u32, first: u32 }

@group(0) @binding(0) var<storage, read> positions: array<u32>;
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
  out[index] += weight[(positions[index / columns] + params.first) * columns + index % columns];
}
