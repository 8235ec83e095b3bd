// norm_finish: norm = [g, clip factor, 1 if this update counts else 0, 1 if one did not],  g = sqrt(sum of partials)
//   clip factor = min(1, max_grad_norm / (g + 1e-6));  1 where max_grad_norm <= 0;  0 where the update does not count
// An update counts while g is finite and has been since norm[3] was last set to 0: updates queued behind one that
// diverged leave the weights as they are, too.
// Source: torch.nn.utils.clip_grad_norm_. Everything stays on the GPU: adamw reads the factor and the flag.
//
//   partials  (P)  read    from sum_squares: 256 an arena
//   norm      (4)  write   norm[3] is read, too
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
    let counts = finite && norm[3] != 1.0;
    norm[0] = g;
    norm[1] = select(0.0, clipped, counts);
    norm[2] = select(0.0, 1.0, counts);
    norm[3] = select(1.0, 0.0, counts);
  }
}
