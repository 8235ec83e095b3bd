// matmul_nt_direct: out = a b^T  or, with accumulate = 1, out += a b^T
// Both operands keep K along their rows: a linear layer forward, weight (N,K). Without workgroup memory: for software adapters.
// Source: the definition, in blocks of 4x4 a thread. See docs/kernels.md.
//
//   a    (M,K)  read        rows of lda floats
//   b    (N,K)  read        rows of ldb floats
//   out  (M,N)  read_write  rows of ldc floats
//
// lda, ldb, ldc: multiples of 4; any M, N, K. Columns of `out` from N to the next multiple of 4 are written 0
// (accumulate = 0) or left alone (1). Each element is one sum over k in ascending order: a row does not depend on M.
// Grid: (N / 32, M / 32), rounded up; a thread makes 4x4 of out.

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

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.y * 4u;
  let column = id.x * 4u;
  if (row >= params.M || column >= params.N) {
    return;
  }
  var sum0 = vec4<f32>(0.0);
  var sum1 = vec4<f32>(0.0);
  var sum2 = vec4<f32>(0.0);
  var sum3 = vec4<f32>(0.0);

  // Rows past the end repeat the last; they are not stored.
  let a0 = row * (params.lda / 4u);
  let a1 = min(row + 1u, params.M - 1u) * (params.lda / 4u);
  let a2 = min(row + 2u, params.M - 1u) * (params.lda / 4u);
  let a3 = min(row + 3u, params.M - 1u) * (params.lda / 4u);
  let b0 = column * (params.ldb / 4u);
  let b1 = min(column + 1u, params.N - 1u) * (params.ldb / 4u);
  let b2 = min(column + 2u, params.N - 1u) * (params.ldb / 4u);
  let b3 = min(column + 3u, params.N - 1u) * (params.ldb / 4u);
  for (var k4 = 0u; k4 < params.K / 4u; k4++) {
    // columns[i]: what a's i-th value multiplies, in four columns of out.
    let columns = transpose(mat4x4<f32>(b[b0 + k4], b[b1 + k4], b[b2 + k4], b[b3 + k4]));
    sum0 += columns * a[a0 + k4];
    sum1 += columns * a[a1 + k4];
    sum2 += columns * a[a2 + k4];
    sum3 += columns * a[a3 + k4];
  }
  for (var k = params.K / 4u * 4u; k < params.K; k++) {
    let k4 = k / 4u;
    let i = k % 4u;
    let columns = vec4<f32>(b[b0 + k4][i], b[b1 + k4][i], b[b2 + k4][i], b[b3 + k4][i]);
    sum0 += a[a0 + k4][i] * columns;
    sum1 += a[a1 + k4][i] * columns;
    sum2 += a[a2 + k4][i] * columns;
    sum3 += a[a3 + k4][i] * columns;
  }

  store(row, column, sum0);
  store(row + 1u, column, sum1);
  store(row + 2u, column, sum2);
  store(row + 3u, column, sum3);
}
