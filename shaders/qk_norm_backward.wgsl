// qk_norm_backward: in place, of every query and key head: with x = inp * rstd and g = dqkv * (weight + offset),
//   dqkv = rstd * (g - x * mean(g * x));  partials = sums of dqkv * x over 32 tokens and the query heads of a kv head, and over
//   its key head, which rmsnorm_backward_weight adds up
// Source: derivative of qk_norm_forward (Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4).
//
//   inp       (N,QKV)                read         what qk_norm_forward read
//   weight    (2,HS)                 read         of the queries, then of the keys
//   rstd      (N,NH+NKV)             read         from the forward
//   dqkv      (N,QKV)                read_write   gradient of out, then of inp; value heads are left alone
//   partials  (ceil(N/32)*NKV,2,HS)  write        of the queries' weight, then of the keys'
//
// Grid: (ceil(N/32), NKV); a workgroup takes 32 tokens of one kv head and its query heads, 8 tokens at a time, LANES threads a
// token.
struct Params {
  N: u32,
  NH: u32,
  NKV: u32,
  HS: u32,
  offset: f32,
}

@group(0) @binding(0) var<storage, read> inp: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> rstd: array<f32>;
@group(0) @binding(3) var<storage, read_write> dqkv: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

override LANES: u32 = 8u; // threads a token, at most 8; few where barriers are dear
const ROWS = 32u;
const TEAM = 8u; // tokens at a time
var<workgroup> products: array<f32, 256>; // ROWS x LANES
var<workgroup> pulls: array<f32, ROWS>;

@compute @workgroup_size(LANES, 8)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_id) lid: vec3u) {
  let first = wid.x * ROWS;
  let rows = min(ROWS, max(params.N, first) - first);
  let columns = params.HS / 4u;
  let heads = params.NH + 2u * params.NKV;
  let normed = params.NH + params.NKV;
  let group = params.NH / params.NKV;
  let thread = lid.y * LANES + lid.x;
  let sums = (wid.x * params.NKV + wid.y) * 2u * columns;

  // The query heads in order, then the key head.
  for (var i = 0u; i <= group; i++) {
    let is_key = i == group;
    let head = select(wid.y * group + i, params.NH + wid.y, is_key);
    let own = select(0u, columns, is_key);

    // sum(g * inp) of every token: each lane its columns, then one thread a token adds them in order.
    for (var r = lid.y; r < rows; r += TEAM) {
      let base = ((first + r) * heads + head) * columns;
      var sum = 0.0;
      for (var c = lid.x; c < columns; c += LANES) {
        sum += dot(dqkv[base + c] * (weight[own + c] + params.offset), inp[base + c]);
      }
      products[r * LANES + lid.x] = sum;
    }
    workgroupBarrier();
    for (var r = thread; r < rows; r += TEAM * LANES) {
      var total = 0.0;
      for (var lane = 0u; lane < LANES; lane++) {
        total += products[r * LANES + lane];
      }
      let scale = rstd[(first + r) * normed + head];
      pulls[r] = scale * scale * total / f32(params.HS);
    }
    workgroupBarrier();
    storageBarrier();

    // Each thread its columns, the tokens in order; what it has summed of the heads before lies in its own partials.
    for (var c = thread; c < columns; c += TEAM * LANES) {
      let w = weight[own + c] + params.offset;
      var dweight = vec4f(0.0);
      for (var r = 0u; r < rows; r++) {
        let at = ((first + r) * heads + head) * columns + c;
        let scale = rstd[(first + r) * normed + head];
        let dout = dqkv[at];
        dqkv[at] = scale * (dout * w - inp[at] * pulls[r]);
        dweight += dout * inp[at] * scale;
      }
      if (i == 0u || is_key) {
        partials[sums + own + c] = dweight;
      } else {
        partials[sums + own + c] += dweight;
      }
    }
  }
}
