// swiglu_forward: out = silu(gate) * up,  silu(x) = x / (1 + exp(-x))
// Source: Shazeer 2020, arXiv:2002.05202, eq. 6.
//
//   gate_up  (N,2F)  read    gate in columns 0..F-1, up in F..2F-1
//   out      (N,F)   write
//
// Grid: ceil(N*F/256) workgroups, folded in two dimensions; one vec4 a thread.
struct Params { N: u32, F: u32 }

@group(0) @binding(0) var<storage, read> gate_up: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

const WG = 64u;
const FARTHEST = 80.0; // exp(80) is still finite, and sigmoid(-80) is 0 beside anything

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (wid.y * nwg.x + wid.x) * WG + lane;
  let columns = params.F / 4u;
  if (index >= params.N * columns) {
    return;
  }
  let at = (index / columns) * columns * 2u + index % columns;
  let gate = gate_up[at];
  let up = gate_up[at + columns];
  let sigmoid = 1.0 / (1.0 + exp(-clamp(gate, vec4f(-FARTHEST), vec4f(FARTHEST))));
  out[index] = gate * sigmoid * up;
}
