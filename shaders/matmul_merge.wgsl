// matmul_merge: out = partials[0] + partials[1] + ... + partials[slices-1], or out += with accumulate = 1
// A product whose sum over k was cut into slices, for more workgroups than it has tiles (split-K).
// Source: the definition of a sum, slices in ascending order of k.
//
//   partials  (slices,M,N)  read         rows of N rounded up to 4 floats, 0 from N on
//   out       (M,N)         read, write  rows of ldc floats
//
// ldc: a multiple of 4; any M, N. Columns of out from N to the next multiple of 4 are written 0 (accumulate = 0) or left
// alone (1).
// Grid: M * ceil(N/4) / 64 workgroups, folded; a thread makes four columns of a row.
struct Params { M: u32, N: u32, ldc: u32, accumulate: u32, slices: u32 }

@group(0) @binding(0) var<storage, read> partials: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let width = (params.N + 3u) / 4u;
  let count = params.M * width;
  let i = (group.y * groups.x + group.x) * 64u + thread;
  if (i >= count) {
    return;
  }
  var sum = vec4f();
  for (var slice = 0u; slice < params.slices; slice++) {
    sum += partials[slice * count + i];
  }
  let at = i / width * (params.ldc / 4u) + i % width;
  if (params.accumulate == 1u) {
    out[at] += sum;
  } else {
    out[at] = sum;
  }
}
