// rope_append: rotates queries and keys as rope does, in place, and appends keys and values to the cache:
//   k_cache[slot, position] = rope(k),  v_cache[slot, position] = v, for every token of a packed batch
// Source: Su et al. 2021, arXiv:2104.09864, eq. 34, pairs (i, i + HS/2); the cache: Shazeer 2019, arXiv:1911.02150, section 2.4.
//
//   qkv        (N,QKV)            read and write  [NH query heads | NKV key heads | NKV value heads] of HS
//   positions  (N)                read            rows of `table`
//   slots      (N)                read            where each token's sequence lives; 0xffffffff: its row is left alone
//   table      (T,HS)             read            HS/2 cosines, then HS/2 sines (ropeTable)
//   k_cache    (S,Tmax,NKV*HS)    read_write      one row a token is written; a token at Tmax or later is left out
//   v_cache    (S,Tmax,NKV*HS)    read_write
//
// Grid: one thread for two pairs of one head of one token, 64 a workgroup; rows of workgroups folded into y.
struct Params {
  N: u32,
  NH: u32,
  NKV: u32,
  HS: u32,
  Tmax: u32,
}

@group(0) @binding(0) var<storage, read_write> qkv: array<vec2f>;
@group(0) @binding(1) var<storage, read> positions: array<u32>;
@group(0) @binding(2) var<storage, read> slots: array<u32>;
@group(0) @binding(3) var<storage, read> table: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> k_cache: array<vec2f>;
@group(0) @binding(5) var<storage, read_write> v_cache: array<vec2f>;
@group(0) @binding(6) var<uniform> params: Params;

const NONE = 0xffffffffu;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lid: u32,
) {
  let quarter = params.HS / 4u; // vec2 elements in half a head
  let heads = params.NH + 2u * params.NKV;
  let index = (wid.y * nwg.x + wid.x) * 64u + lid;
  let token = index / (heads * quarter);
  if (token >= params.N) {
    return;
  }
  let slot = slots[token];
  let position = positions[token];
  if (slot == NONE || position >= params.Tmax) {
    return;
  }
  let head = index / quarter % heads;
  let pair = index % quarter;
  let at = (token * heads + head) * 2u * quarter + pair;
  var a = qkv[at];
  var b = qkv[at + quarter];
  let row = (slot * params.Tmax + position) * params.NKV;

  if (head >= params.NH + params.NKV) {
    let to = (row + head - params.NH - params.NKV) * 2u * quarter + pair;
    v_cache[to] = a;
    v_cache[to + quarter] = b;
    return;
  }
  let angle = position * 2u * quarter + pair;
  let cosine = table[angle];
  let sine = table[angle + quarter];
  let turned = a * cosine - b * sine;
  b = b * cosine + a * sine;
  a = turned;
  qkv[at] = a;
  qkv[at + quarter] = b;
  if (head >= params.NH) {
    let to = (row + head - params.NH) * 2u * quarter + pair;
    k_cache[to] = a;
    k_cache[to + quarter] = b;
  }
}
