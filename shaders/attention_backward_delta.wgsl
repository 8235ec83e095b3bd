// attention_backward_delta: delta = sum over a head of dout * out, one number a query and head
// Source: Dao 2023 (FlashAttention-2), arXiv:2307.08691, algorithm 2, line 4.
//
//   out    (N,NH*HS)  read
//   dout   (N,NH*HS)  read
//   delta  (N,NH)     write
//
// Grid: one thread a (token, head), 64 a workgroup; rows of workgroups folded into y.
struct Params {
  count: u32, // N * NH
  HS: u32,
}

@group(0) @binding(0) var<storage, read> out: array<vec4f>;
@group(0) @binding(1) var<storage, read> dout: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> delta: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lid: u32,
) {
  let index = (wid.y * nwg.x + wid.x) * 64u + lid;
  if (index >= params.count) {
    return;
  }
  let columns = params.HS / 4u;
  var sum = vec4f(0.0);
  for (var c = 0u; c < columns; c++) {
    sum += out[index * columns + c] * dout[index * columns + c];
  }
  delta[index] = sum.x + sum.y + sum.z + sum.w;
}
