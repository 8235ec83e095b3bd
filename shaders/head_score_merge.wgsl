// head_score_merge: per row, from the parts of head_score: logp = z[target] - lse, entropy = log s - t / s, correct = (argmax z == target)
// Source: Milakov & Gimelshein 2018, arXiv:1805.02867, alg. 3, in ascending order of parts for each of LANES threads, then of
// threads; the lowest index wins a tie for argmax.
//
//   partials  (M,P,4)  read        m, s, t, argmax (u32) of every part
//   targets   (M) u32  read
//   logp      (M)      read_write  the target's z becomes its log-probability
//   entropy   (M)      write
//   correct   (M)      write       1 or 0
//
// Grid: a workgroup for ROWS rows, LANES threads each, folded in two dimensions.
struct Params { M: u32, P: u32 }

struct Part { m: f32, s: f32, t: f32, argmax: u32 }

@group(0) @binding(0) var<storage, read> partials: array<Part>;
@group(0) @binding(1) var<storage, read> targets: array<u32>;
@group(0) @binding(2) var<storage, read_write> logp: array<f32>;
@group(0) @binding(3) var<storage, read_write> entropy: array<f32>;
@group(0) @binding(4) var<storage, read_write> correct: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

override LANES: u32 = 32u; // LANES times ROWS: at most 64
override ROWS: u32 = 2u;
const LOWEST = -1e30;
const FARTHEST = -80.0; // exp(-80) is 0 beside the maximum's 1

var<workgroup> found: array<Part, 64>;

fn merge(a: Part, b: Part) -> Part {
  let m = max(a.m, b.m);
  let da = max(a.m - m, FARTHEST);
  let db = max(b.m - m, FARTHEST);
  let s = exp(da) * a.s + exp(db) * b.s;
  let t = exp(da) * (a.t + da * a.s) + exp(db) * (b.t + db * b.s);
  let second = b.m > a.m || (b.m == a.m && b.argmax < a.argmax);
  return Part(m, s, t, select(a.argmax, b.argmax, second));
}

@compute @workgroup_size(LANES, ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_id) lid: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let row = (wid.y * nwg.x + wid.x) * ROWS + lid.y;
  let inside = row < params.M;

  var all = Part(LOWEST, 0.0, 0.0, 0xffffffffu);
  if (inside) {
    for (var part = lid.x; part < params.P; part += LANES) {
      all = merge(all, partials[row * params.P + part]);
    }
  }
  found[index] = all;
  workgroupBarrier();
  if (inside && lid.x == 0u) {
    for (var i = 1u; i < LANES; i++) {
      all = merge(all, found[index + i]);
    }
    let log_sum = log(all.s);
    // The maximum is taken off first: z - m is exact where z and lse would both be large.
    logp[row] = (logp[row] - all.m) - log_sum;
    entropy[row] = log_sum - all.t / all.s;
    correct[row] = select(0.0, 1.0, all.argmax == targets[row]);
  }
}
