// embedding_backward: dweight[v - row0] += scale * sum of dout[n] over the positions n with tokens[n] = v, for the v whose rows are here
// Source: the inverse-index method of llm.c (encoder_backward); no atomics, so the sum has one order.
//
//   dout     (N,C)      read
//   buckets  (2U+1+N)   read    u32: starts (U+1), tokens (U), positions (N) sorted by token, then position
//   dweight  (V,C)      read, write  rows row0 to row0 + rows - 1 of it
//
// Grid: ceil(U*C/256) workgroups, folded in two dimensions; one distinct token's vec4 of columns a thread.
struct Params { U: u32, C: u32, scale: f32, row0: u32, rows: u32 }

@group(0) @binding(0) var<storage, read> dout: array<vec4f>;
@group(0) @binding(1) var<storage, read> buckets: array<u32>;
@group(0) @binding(2) var<storage, read_write> dweight: array<vec4f>;
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
  if (index >= params.U * columns) {
    return;
  }
  let bucket = index / columns;
  let column = index % columns;
  let tokens = params.U + 1u;
  let positions = tokens + params.U;
  // Below row0 it wraps around: far too large, too.
  let row = buckets[tokens + bucket] - params.row0;
  if (row >= params.rows) {
    return;
  }

  var sum = vec4f(0.0);
  for (var i = buckets[bucket]; i < buckets[bucket + 1u]; i++) {
    sum += dout[buckets[positions + i] * columns + column];
  }
  dweight[row * columns + column] += params.scale * sum;
}
