// matmul_nn: out = a b  or, with accumulate = 1, out += a b
// The gradient of a linear layer with respect to its input, weight (K,N).
// Source: register-blocked GEMM; V. Volkov, "Better performance at lower occupancy", GTC 2010. See docs/kernels.md.
//
//   a    (M,K)  read        rows of lda floats
//   b    (K,N)  read        rows of ldb floats
//   out  (M,N)  read_write  rows of ldc floats
//
// lda, ldb, ldc: multiples of 4; any M, N, K. Columns of `out` from N to the next multiple of 4 are written 0
// (accumulate = 0) or left alone (1). Each element is one sum over k in ascending order: a row does not depend on M.
// Grid: (N / 64, M / 64), rounded up; a workgroup makes a 64x64 tile of out, a thread 4x4 of it.

struct Params {
  M: u32,
  N: u32,
  K: u32,
  lda: u32,
  ldb: u32,
  ldc: u32,
  accumulate: u32,
}

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

// One step of K: 16 rows of 64 values each, [k][row / 4] and [k][column / 4].
var<workgroup> a_tile: array<vec4<f32>, 256>;
var<workgroup> b_tile: array<vec4<f32>, 256>;

// Columns k..k+3 of one row of a; zero from K on, whatever the padding holds. Rows past the end repeat the last.
fn load_a(row: u32, k: u32) -> vec4<f32> {
  if (k >= params.K) {
    return vec4<f32>(0.0);
  }
  let inside = vec4<u32>(k, k + 1u, k + 2u, k + 3u) < vec4<u32>(params.K);
  return select(vec4<f32>(0.0), a[min(row, params.M - 1u) * (params.lda / 4u) + k / 4u], inside);
}

// Columns n..n+3 of row k of b; zero from row K on. Columns past the end repeat the last four.
fn load_b(k: u32, n: u32) -> vec4<f32> {
  if (k >= params.K) {
    return vec4<f32>(0.0);
  }
  return b[k * (params.ldb / 4u) + min(n, params.N - 1u) / 4u];
}

fn store(row: u32, column: u32, sum: vec4<f32>) {
  if (row >= params.M || column >= params.N) {
    return;
  }
  let at = row * (params.ldc / 4u) + column / 4u;
  let inside = vec4<u32>(column, column + 1u, column + 2u, column + 3u) < vec4<u32>(params.N);
  let value = select(vec4<f32>(0.0), sum, inside);
  if (params.accumulate == 1u) {
    out[at] += value;
  } else {
    out[at] = value;
  }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let row0 = group.y * 64u;
  let column0 = group.x * 64u;
  let quad_row = thread / 16u;
  let quad_column = thread % 16u;
  var sum0 = vec4<f32>(0.0);
  var sum1 = vec4<f32>(0.0);
  var sum2 = vec4<f32>(0.0);
  var sum3 = vec4<f32>(0.0);

  for (var k0 = 0u; k0 < params.K; k0 += 16u) {
    if (thread < 64u) {
      // Four rows by four k, transposed in registers: reads and stores stay vec4.
      let quad = (thread % 64u) / 4u;
      let k = thread % 4u * 4u;
      let row = row0 + quad * 4u;
      let block = transpose(mat4x4<f32>(
        load_a(row, k0 + k),
        load_a(row + 1u, k0 + k),
        load_a(row + 2u, k0 + k),
        load_a(row + 3u, k0 + k),
      ));
      a_tile[k * 16u + quad] = block[0];
      a_tile[(k + 1u) * 16u + quad] = block[1];
      a_tile[(k + 2u) * 16u + quad] = block[2];
      a_tile[(k + 3u) * 16u + quad] = block[3];
    }
    b_tile[thread] = load_b(k0 + thread / 16u, column0 + thread % 16u * 4u);
    workgroupBarrier();
    for (var k = 0u; k < 16u; k++) {
      let rows = a_tile[k * 16u + quad_row];
      let columns = b_tile[k * 16u + quad_column];
      sum0 += rows.x * columns;
      sum1 += rows.y * columns;
      sum2 += rows.z * columns;
      sum3 += rows.w * columns;
    }
    workgroupBarrier();
  }

  let row = row0 + quad_row * 4u;
  let column = column0 + quad_column * 4u;
  store(row, column, sum0);
  store(row + 1u, column, sum1);
  store(row + 2u, column, sum2);
  store(row + 3u, column, sum3);
}
