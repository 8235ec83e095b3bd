// matmul_tn_direct: out = a^T b, or out += a^T b with accumulate = 1
// A linear layer's gradient with respect to its weight, K tokens.
// Without workgroup memory or barriers, which cost a software adapter more than they save.
// Source: the definition, in blocks of 8x8 a thread.
//
//   a    (K,M)  read         rows of lda floats
//   b    (K,N)  read         rows of ldb floats
//   out  (M,N)  read, write  rows of ldc floats
//
// lda, ldb, ldc: multiples of 4; any M, N, K. Columns of out from N to the next multiple of 4 are written 0
// (accumulate = 0) or left alone (1). Each element is one sum over k in ascending order: a row does not depend on M.
// Grid: (N/64, M/16), rounded up; a thread makes 8x8 of out.
struct Params { M: u32, N: u32, K: u32, lda: u32, ldb: u32, ldc: u32, accumulate: u32 }

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

// Four columns of rows k..k+3 of a: a row a column of the matrix.
fn a_block(k: u32, column: u32) -> mat4x4f {
  let stride = params.lda / 4u;
  let at = k * stride + column / 4u;
  return mat4x4f(a[at], a[at + stride], a[at + 2u * stride], a[at + 3u * stride]);
}

// Four columns of row k of a.
fn a_values(k: u32, column: u32) -> vec4f {
  return a[k * (params.lda / 4u) + column / 4u];
}

// Four columns of rows k..k+3 of b: a row a column of the matrix.
fn b_block(k: u32, column: u32) -> mat4x4f {
  let stride = params.ldb / 4u;
  let at = k * stride + column / 4u;
  return mat4x4f(b[at], b[at + stride], b[at + 2u * stride], b[at + 3u * stride]);
}

// Four columns of row k of b.
fn b_values(k: u32, column: u32) -> vec4f {
  return b[k * (params.ldb / 4u) + column / 4u];
}

fn outer(columns: vec4f, rows: vec4f) -> mat4x4f {
  return mat4x4f(rows.x * columns, rows.y * columns, rows.z * columns, rows.w * columns);
}

fn store_row(row: u32, column: u32, sum: vec4f) {
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

fn store(row: u32, column: u32, sum: mat4x4f) {
  store_row(row, column, sum[0]);
  store_row(row + 1u, column, sum[1]);
  store_row(row + 2u, column, sum[2]);
  store_row(row + 3u, column, sum[3]);
}

@compute @workgroup_size(8, 2)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.y * 8u;
  let column = id.x * 8u;
  if (row >= params.M || column >= params.N) {
    return;
  }
  // Past the end the first four rows are repeated; what they give is not stored.
  let next_row = select(row, row + 4u, row + 4u < params.M);
  // Past the end the first four columns are repeated; what they give is not stored.
  let next_column = select(column, column + 4u, column + 4u < params.N);

  // Four blocks of 4x4; a column of each matrix is a row of out.
  var top_left = mat4x4f();
  var top_right = mat4x4f();
  var bottom_left = mat4x4f();
  var bottom_right = mat4x4f();

  let whole = params.K / 4u * 4u;
  for (var k = 0u; k < whole; k += 4u) {
    let top = transpose(a_block(k, row));
    let bottom = transpose(a_block(k, next_row));
    let left = b_block(k, column);
    let right = b_block(k, next_column);
    top_left += left * top;
    top_right += right * top;
    bottom_left += left * bottom;
    bottom_right += right * bottom;
  }
  for (var k = whole; k < params.K; k++) {
    let top = a_values(k, row);
    let bottom = a_values(k, next_row);
    let left = b_values(k, column);
    let right = b_values(k, next_column);
    top_left += outer(left, top);
    top_right += outer(right, top);
    bottom_left += outer(left, bottom);
    bottom_right += outer(right, bottom);
  }

  store(row, column, top_left);
  store(row, column + 4u, top_right);
  store(row + 4u, column, bottom_left);
  store(row + 4u, column + 4u, bottom_right);
}
