// matmul_tn_direct: out = a^T b  or, with accumulate = 1, out += a^T b
// The gradient of a linear layer with respect to its weight, K tokens. Without workgroup memory: for software adapters.
// Source: the definition, in blocks of 4x4 a thread. See docs/kernels.md.
//
//   a    (K,M)  read        rows of lda floats
//   b    (K,N)  read        rows of ldb floats
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
  for (var k = 0u; k < params.K; k++) {
    let rows = a[k * (params.lda / 4u) + row / 4u];
    let columns = b[k * (params.ldb / 4u) + column / 4u];
    sum0 += rows.x * columns;
    sum1 += rows.y * columns;
    sum2 += rows.z * columns;
    sum3 += rows.w * columns;
  }

  store(row, column, sum0);
  store(row + 1u, column, sum1);
  store(row + 2u, column, sum2);
  store(row + 3u, column, sum3);
}
