// kv_append: k_cache[slot, position] = k,  v_cache[slot, position] = v, for every token of a packed batch
// Source: the key/value cache of incremental decoding, Shazeer 2019, arXiv:1911.02150, section 2.4.
//
//   qkv        (N,QKV)            read        [NH query heads | NKV key heads | NKV value heads] of HS, rope applied
//   slots      (N)                read        where each token's sequence lives; 0xffffffff: left out
//   positions  (N)                read        a token at Tmax or later is left out
//   k_cache    (S,Tmax,NKV*HS)    read_write  one row a token is written
//   v_cache    (S,Tmax,NKV*HS)    read_write
//
// Grid: one thread a token and 4 floats of its keys, 64 a workgroup; rows of workgroups folded into y.
struct Params {
  N: u32,
  QKV: u32,
  NH: u32,
  NKV: u32,
  HS: u32,
  Tmax: u32,
}

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read> slots: array<u32>;
@group(0) @binding(2) var<storage, read> positions: array<u32>;
@group(0) @binding(3) var<storage, read_write> k_cache: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> v_cache: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

const NONE = 0xffffffffu;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lid: u32,
) {
  let width = params.NKV * params.HS / 4u;
  let index = (wid.y * nwg.x + wid.x) * 64u + lid;
  let token = index / width;
  if (token >= params.N) {
    return;
  }
  let slot = slots[token];
  let position = positions[token];
  if (slot == NONE || position >= params.Tmax) {
    return;
  }
  let column = index % width;
  let source = token * (params.QKV / 4u) + params.NH * params.HS / 4u + column;
  let to = (slot * params.Tmax + position) * width + column;
  k_cache[to] = qkv[source];
  v_cache[to] = qkv[source + width];
}
