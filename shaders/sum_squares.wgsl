// sum_squares: partials_w = sum of x^2 over the part of workgroup w
// The first of two passes of the global gradient norm; norm_finish is the second.
//
//   x         (count)  read    count is a multiple of 4
//   partials  (256)    write
//
// Grid: 256 workgroups, each with every 256th block of 1024 elements, summed in a fixed order.
struct Params { count: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> partials: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

const WG = 256u;
const WORKGROUPS = 256u;
const GROUP = 16u;
var<workgroup> sums: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = wid.x * WG + lane; i < params.count / 4u; i += WORKGROUPS * WG) {
    sum += dot(x[i], x[i]);
  }
  sums[lane] = sum;
  workgroupBarrier();

  // 256 sums to 16, then to 1.
  if (lane < WG / GROUP) {
    for (var i = 1u; i < GROUP; i++) {
      sum += sums[lane + i * (WG / GROUP)];
    }
    sums[lane] = sum;
  }
  workgroupBarrier();
  if (lane == 0u) {
    for (var i = 1u; i < WG / GROUP; i++) {
      sum += sums[i];
    }
    partials[wid.x] = sum;
  }
}
