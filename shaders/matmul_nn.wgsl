// matmul_nn: out = a b, or out += a b with accumulate = 1
// A linear layer's gradient with respect to its input, b its weight (K,N).
// Source: the definition, in tiles through workgroup memory and blocks of 4x4 in registers.
//
//   a    (M,K)  read         rows of lda floats
//   b    (K,N)  read         rows of ldb floats
//   out  (M,N)  read, write  rows of ldc floats
//
// lda, ldb, ldc: multiples of 4; any M, N, K. Columns of out from N to the next multiple of 4 are written 0
// (accumulate = 0) or left alone (1). Each element is one sum over k in ascending order: a row does not depend on M.
// Grid: (N/64, M/64), rounded up; a workgroup makes a 64x64 tile of out, a thread 4x4 of it.
struct Params { M: u32, N: u32, K: u32, lda: u32, ldb: u32, ldc: u32, accumulate: u32 }

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

// 16 steps of k at a time: [k][row / 4] of a, [k][column / 4] of b.
var<workgroup> a_tile: array<vec4f, 256>;
var<workgroup> b_tile: array<vec4f, 256>;

// Columns k..k+3 of one row of a, 0 from column K on. Rows past the end repeat the last; what they give is not stored.
fn a_row(row: u32, k: u32) -> vec4f {
  let inside = vec4u(k) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.K);
  return select(vec4f(0.0), a[min(row, params.M - 1u) * (params.lda / 4u) + min(k, params.K - 1u) / 4u], inside);
}

// Four columns of row k of b, 0 from row K on. Columns past the end repeat the last; what they give is not stored.
fn b_row(k: u32, column: u32) -> vec4f {
  let value = b[min(k, params.K - 1u) * (params.ldb / 4u) + min(column, params.N - 1u) / 4u];
  return select(vec4f(0.0), value, k < params.K);
}

// Fills the tile of a with 64 threads of 4x4: transposed in registers, so that reads and writes stay vec4.
fn fill_a(thread: u32, first: u32, k0: u32) {
  let row = first + thread / 4u * 4u;
  let k = thread % 4u * 4u;
  let block = transpose(mat4x4f(
    a_row(row, k0 + k),
    a_row(row + 1u, k0 + k),
    a_row(row + 2u, k0 + k),
    a_row(row + 3u, k0 + k)
  ));
  let at = k * 16u + thread / 4u;
  a_tile[at] = block[0];
  a_tile[at + 16u] = block[1];
  a_tile[at + 32u] = block[2];
  a_tile[at + 48u] = block[3];
}

fn store(row: u32, column: u32, sum: vec4f) {
  if (row >= params.M || column >= params.N) {
    return;
  }
  let at = row * (params.ldc / 4u) + column / 4u;
  let value = select(vec4f(0.0), sum, vec4u(column) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.N));
  if (params.accumulate == 1u) {
    out[at] += value;
  } else {
    out[at] = value;
  }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row0 = group.y * 64u;
  let column0 = group.x * 64u;
  let row4 = thread / 16u;
  let column4 = thread % 16u;
  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  var sum3 = vec4f();

  for (var k0 = 0u; k0 < params.K; k0 += 16u) {
    if (thread < 64u) {
      fill_a(thread, row0, k0);
    }
    b_tile[thread] = b_row(k0 + row4, column0 + column4 * 4u);
    workgroupBarrier();
    for (var k = 0u; k < 16u; k++) {
      let rows = a_tile[k * 16u + row4];
      let columns = b_tile[k * 16u + column4];
      sum0 += rows.x * columns;
      sum1 += rows.y * columns;
      sum2 += rows.z * columns;
      sum3 += rows.w * columns;
    }
    workgroupBarrier();
  }

  let row = row0 + row4 * 4u;
  let column = column0 + column4 * 4u;
  store(row, column, sum0);
  store(row + 1u, column, sum1);
  store(row + 2u, column, sum2);
  store(row + 3u, column, sum3);
}
