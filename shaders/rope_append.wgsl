// rope_append: rotates queries and keys as rope does, in place, and appends keys and values to the cache:
//   k_cache[slot, position] = rope(k),  v_cache[slot, position] = v, for every token of a packed batch
// Source: Su et al. 2021, arXiv:2104.09864, eq. 34, pairs (i, i + R/2), i < R/2; the cache: Shazeer 2019, arXiv:1911.02150, section 2.4.
//
//   qkv        (N,QKV)            read and write  [NH query heads | NKV key heads | NKV value heads] of HS
//   positions  (N)                read            rows of `table`
//   slots      (N)                read            where each token's sequence lives; 0xffffffff: its row is left alone
//   table      (T,R)              read            R/2 cosines, then R/2 sines (ropeTable); R = 0: not read
//   k_cache    (S,Tmax,NKV*HS)    read_write      one row a token is written; a token at Tmax or later is left out
//   v_cache    (S,Tmax,NKV*HS)    read_write
//
// Grid: one thread for four floats of one head of one token, two pairs where it turns, 64 a workgroup; rows of workgroups
// folded into y.
struct Params {
  N: u32,
  NH: u32,
  NKV: u32,
  HS: u32,
  R: u32,
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
  let size = params.HS / 2u; // vec2 elements in a head
  let quarter = params.R / 4u; // in half of what turns
  let heads = params.NH + 2u * params.NKV;
  let index = (wid.y * nwg.x + wid.x) * 64u + lid;
  let own = index % (size / 2u);
  let token = index / (size / 2u) / heads;
  if (token >= params.N) {
    return;
  }
  let slot = slots[token];
  let position = positions[token];
  if (slot == NONE || position >= params.Tmax) {
    return;
  }
  let head = index / (size / 2u) % heads;
  // Two pairs that turn, or two neighbours of those that do not.
  let turns = own < quarter;
  let first = select(2u * own, own, turns);
  let second = select(2u * own + 1u, own + quarter, turns);
  let at = (token * heads + head) * size;
  var a = qkv[at + first];
  var b = qkv[at + second];
  let row = (slot * params.Tmax + position) * params.NKV;

  if (head >= params.NH + params.NKV) {
    let to = (row + head - params.NH - params.NKV) * size;
    v_cache[to + first] = a;
    v_cache[to + second] = b;
    return;
  }
  if (turns) {
    let angle = position * 2u * quarter + own;
    let cosine = table[angle];
    let sine = table[angle + quarter];
    let turned = a * cosine - b * sine;
    b = b * cosine + a * sine;
    a = turned;
    qkv[at + first] = a;
    qkv[at + second] = b;
  }
  if (head >= params.NH) {
    let to = (row + head - params.NH) * size;
    k_cache[to + first] = a;
    k_cache[to + second] = b;
  }
}
