// sft: loss = sum over tokens of -weight * logp,  dlogp = -weight
//
//   logp       (M)     read
//   entropy    (M)     read
//   value      (M)     read    not used
//   constants  (M,8)   read    0 weight; the rest is not used
//   dlogp      (M)     write
//   dentropy   (M)     write   0
//   dvalue     (M)     write   0
//   stats      (M,16)  write   0 -weight * logp, 1 -logp, 2 entropy, 3 count (1); the rest 0
//
// Only rows row0 .. row0 + rows - 1 are read and written.
// Grid: ceil(rows/64) workgroups, folded in two dimensions; one row a thread.
struct Params { row0: u32, rows: u32 }

@group(0) @binding(0) var<storage, read> logp: array<f32>;
@group(0) @binding(1) var<storage, read> entropy: array<f32>;
@group(0) @binding(2) var<storage, read> value: array<f32>;
@group(0) @binding(3) var<storage, read> constants: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dlogp: array<f32>;
@group(0) @binding(5) var<storage, read_write> dentropy: array<f32>;
@group(0) @binding(6) var<storage, read_write> dvalue: array<f32>;
@group(0) @binding(7) var<storage, read_write> stats: array<vec4f>;
@group(0) @binding(8) var<uniform> params: Params;

const WG = 64u;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (wid.y * nwg.x + wid.x) * WG + lane;
  if (index >= params.rows) {
    return;
  }
  let row = params.row0 + index;
  let weight = constants[row * 2u].x;
  dlogp[row] = -weight;
  dentropy[row] = 0.0;
  dvalue[row] = 0.0;
  stats[row * 4u] = vec4f(-weight * logp[row], -logp[row], entropy[row], 1.0);
  stats[row * 4u + 1u] = vec4f(0.0);
  stats[row * 4u + 2u] = vec4f(0.0);
  stats[row * 4u + 3u] = vec4f(0.0);
}
