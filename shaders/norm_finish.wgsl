// norm_finish: norm = [g, clip factor, 1 if g is finite else 0, 0],  g = sqrt(sum of partials)
//   clip factor = min(1, max_grad_norm / (g + 1e-6));  1 where max_grad_norm <= 0;  0 where g is not finite
// Source: torch.nn.utils.clip_grad_norm_. Everything stays on the GPU: adamw reads the factor and the flag.
//
//   partials  (P)  read    from sum_squares: 256 an arena
//   norm      (4)  write
//
// Grid: one workgroup.
struct Params { P: u32, max_grad_norm: f32 }

@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read_write> norm: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

const WG = 64u;
const EXPONENT = 0x7f800000u; // all ones: infinite or NaN
var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < params.P; i += WG) {
    sum += partials[i];
  }
  sums[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    for (var i = 1u; i < WG; i++) {
      sum += sums[i];
    }
    // By its bits: compilers may assume that no number is NaN and fold a comparison away.
    let finite = (bitcast<u32>(sum) & EXPONENT) != EXPONENT;
    let g = sqrt(sum);
    let clipped = select(1.0, min(1.0, params.max_grad_norm / (g + 1e-6)), params.max_grad_norm > 0.0);
    norm[0] = g;
    norm[1] = select(0.0, clipped, finite);
    norm[2] = select(0.0, 1.0, finite);
    norm[3] = 0.0;
  }
}
