// rope: rotates the pairs (i, i + R/2), i < R/2, of every query and key head by the angle of the token's position, in place:
//   a' = a cos - direction * b sin,  b' = b cos + direction * a sin
// Source: Su et al. 2021, arXiv:2104.09864, eq. 34, in the half-split pairing of transformers' Llama (rotate_half); R, the
// part of a head that turns, is HS but for GPT-NeoX (arXiv:2204.06745, section 2.1).
// A rotation's transpose is its inverse: direction -1 is the backward pass, on dqkv.
//
//   qkv        (N,QKV)  read and write  the first `heads` heads of HS are rotated, the rest is left alone
//   positions  (N)      read            rows of `table`
//   table      (T,R)    read            R/2 cosines, then R/2 sines (ropeTable)
//
// Grid: one thread for two pairs of one head of one token, 64 a workgroup; rows of workgroups folded into y.
struct Params {
  N: u32,
  QKV: u32,
  heads: u32,
  HS: u32,
  R: u32,
  direction: f32,
}

@group(0) @binding(0) var<storage, read_write> qkv: array<vec2f>;
@group(0) @binding(1) var<storage, read> positions: array<u32>;
@group(0) @binding(2) var<storage, read> table: array<vec2f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lid: u32,
) {
  let quarter = params.R / 4u; // vec2 elements in half of what turns
  let per_token = params.heads * quarter;
  let index = (wid.y * nwg.x + wid.x) * 64u + lid;
  let token = index / per_token;
  if (token >= params.N) {
    return;
  }
  let within = index % per_token;
  let pair = within % quarter;
  let at = token * (params.QKV / 2u) + (within / quarter) * (params.HS / 2u) + pair;
  let angle = positions[token] * 2u * quarter + pair;

  let a = qkv[at];
  let b = qkv[at + quarter];
  let cosine = table[angle];
  let sine = params.direction * table[angle + quarter];
  qkv[at] = a * cosine - b * sine;
  qkv[at + quarter] = b * cosine + a * sine;
}
