// embedding_forward_stored: out[n] = scale * weight[tokens[n] - row0], for the tokens whose rows are here, of a frozen embedding
// stored in BITS bits a value
// Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.4; scale is 1 but for Gemma. Rows: src/kernels/quantize.ts.
//
//   tokens  (N)    read    u32
//   weight  (V,C)  read    rows row0 to row0 + rows - 1 of it, in u32: f16, or codes of 8 bits, then an f32 scale for every 32
//   out     (N,C)  write   at tokens of these rows; the others are left alone
//
// Grid: ceil(N*C/256) workgroups, folded in two dimensions; four values a thread.
struct Params { N: u32, C: u32, scale: f32, row0: u32, rows: u32 }

@group(0) @binding(0) var<storage, read> tokens: array<u32>;
@group(0) @binding(1) var<storage, read> weight: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

override BITS: u32 = 16u; // 16: f16; 8: codes

const WG = 64u;
const GROUP = 32u;

// Four values, from value 4 * four on, of a row.
fn load(row: u32, four: u32) -> vec4f {
  if (BITS == 16u) {
    let at = row * (params.C / 2u) + four * 2u;
    return vec4f(unpack2x16float(weight[at]), unpack2x16float(weight[at + 1u]));
  }
  let words = params.C / 4u;
  let first = row * (words + (params.C + GROUP - 1u) / GROUP);
  let codes = vec4i(bitcast<i32>(weight[first + four])) << vec4u(24u, 16u, 8u, 0u);
  return vec4f(codes >> vec4u(24u)) * bitcast<f32>(weight[first + words + four * 4u / GROUP]);
}

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
  // Below row0 it wraps around: far too large, too.
  let row = tokens[index / columns] - params.row0;
  if (row < params.rows) {
    out[index] = params.scale * load(row, index % columns);
  }
}
