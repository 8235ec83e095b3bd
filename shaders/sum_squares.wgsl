// sum_squares: partials_w = sum of x^2 over the part of workgroup w
// The first of two passes of the global gradient norm; norm_finish is the second.
//
//   x         (count)  read    count is a multiple of 4
//   partials  (256)    write
//
// Grid: 256 workgroups, each with every 256th block of 1024 elements, summed in a fixed order by WG threads.
struct Params { count: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> partials: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

override WG: u32 = 256u; // threads, 16 or 256; few where barriers are dear
const BLOCK = 256u; // vec4
const WORKGROUPS = 256u;
const GROUP = 16u;
var<workgroup> sums: array<f32, 256>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var block = wid.x * BLOCK; block < params.count / 4u; block += WORKGROUPS * BLOCK) {
    for (var i = block + lane; i < min(block + BLOCK, params.count / 4u); i += WG) {
      sum += dot(x[i], x[i]);
    }
  }
  sums[lane] = sum;
  workgroupBarrier();

  // WG sums to WG / 16, then to 1.
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
