// logits_stats: per row, with z the logits, bent where CAP says so, and p = softmax(z):
//   lse = log(sum exp(z)),  logp = z[target] - lse,  entropy = -sum p log p,  correct = (argmax z == target)
// One pass over the logits: each lane keeps a running maximum m with s = sum exp(z-m) and t = sum exp(z-m)*(z-m), rescaled
// when m grows; then entropy = log(s) - t/s. The lowest index wins a tie for argmax.
// Source: Milakov & Gimelshein 2018, arXiv:1805.02867, alg. 3 (online softmax).
//
//   logits   (R,ldv)  read    chunk row r is global row row0 + r; columns V..ldv-1 are padding
//   targets  (M) u32  read
//   logp     (M)      write   at rows row0..row0+R-1, like the rest
//   entropy  (M)      write
//   lse      (M)      write   kept for logits_backward
//   correct  (M)      write   1 or 0
//
// Grid: a workgroup for ROWS rows, LANES threads each, folded in two dimensions.
struct Params { R: u32, V: u32, ldv: u32, row0: u32 }

@group(0) @binding(0) var<storage, read> logits: array<vec4f>;
@group(0) @binding(1) var<storage, read> targets: array<u32>;
@group(0) @binding(2) var<storage, read_write> logp: array<f32>;
@group(0) @binding(3) var<storage, read_write> entropy: array<f32>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>;
@group(0) @binding(5) var<storage, read_write> correct: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

override CAP: f32 = 0.0; // logits z are bent to CAP tanh(z / CAP), as in Gemma 2 (arXiv:2408.00118, section 2); 0: they are not
override LANES: u32 = 128u; // threads a row; LANES times ROWS: at most 128
override ROWS: u32 = 1u;
const MERGERS = 8u; // LANES come down to 8, then to 1
const LOWEST = -1e30; // finite: -inf minus -inf differs between adapters
const FARTHEST = -80.0; // exp(-80) is 0 beside the maximum's 1

struct Softmax { m: f32, s: f32, t: f32, argmax: u32 }

var<workgroup> found: array<Softmax, 128>;

fn merge(a: Softmax, b: Softmax) -> Softmax {
  let m = max(a.m, b.m);
  let da = max(a.m - m, FARTHEST);
  let db = max(b.m - m, FARTHEST);
  let s = exp(da) * a.s + exp(db) * b.s;
  let t = exp(da) * (a.t + da * a.s) + exp(db) * (b.t + db * b.s);
  let second = b.m > a.m || (b.m == a.m && b.argmax < a.argmax);
  return Softmax(m, s, t, select(a.argmax, b.argmax, second));
}

// Logits as the model has them.
fn capped(z: vec4f) -> vec4f {
  if (CAP == 0.0) {
    return z;
  }
  return CAP - 2.0 * CAP / (1.0 + exp(clamp(2.0 * z / CAP, vec4f(-80.0), vec4f(80.0))));
}

// Of one thread: every fourth column has its own sums, so that long rows keep their small terms.
struct Running { m: f32, s: vec4f, t: vec4f, argmax: u32 }

// Takes four columns in.
fn take(before: Running, logits: vec4f, column: u32) -> Running {
  let z = select(vec4f(LOWEST), logits, column + vec4u(0u, 1u, 2u, 3u) < vec4u(params.V));
  let most = max(max(z.x, z.y), max(z.z, z.w));
  let m = max(before.m, most);
  let d = max(before.m - m, FARTHEST);
  let dz = max(z - m, vec4f(FARTHEST));
  let e = exp(d);
  let ez = exp(dz);
  let first = column + select(select(select(3u, 2u, z.z == most), 1u, z.y == most), 0u, z.x == most);
  return Running(
    m,
    e * before.s + ez,
    e * (before.t + d * before.s) + ez * dz,
    select(before.argmax, first, most > before.m)
  );
}

@compute @workgroup_size(LANES, ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_id) lid: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let row = (wid.y * nwg.x + wid.x) * ROWS + lid.y;
  let lane = lid.x;
  let columns = select(0u, params.V, row < params.R);
  let base = row * (params.ldv / 4u);

  var own = Running(LOWEST, vec4f(0.0), vec4f(0.0), 0xffffffffu);
  for (var column = lane * 4u; column < columns; column += LANES * 4u) {
    own = take(own, capped(logits[base + column / 4u]), column);
  }
  var running = Softmax(own.m, dot(own.s, vec4f(1.0)), dot(own.t, vec4f(1.0)), own.argmax);

  found[index] = running;
  workgroupBarrier();
  if (lane < MERGERS) {
    for (var i = MERGERS; lane + i < LANES; i += MERGERS) {
      running = merge(running, found[index + i]);
    }
    found[index] = running;
  }
  workgroupBarrier();
  if (lane == 0u && row < params.R) {
    for (var i = 1u; i < min(MERGERS, LANES); i++) {
      running = merge(running, found[index + i]);
    }
    let at = params.row0 + row;
    let chosen = targets[at];
    let log_sum = log(running.s);
    // The maximum is taken off first: z - m is exact where z and lse would both be large.
    logp[at] = (capped(logits[base + chosen / 4u])[chosen % 4u] - running.m) - log_sum;
    entropy[at] = log_sum - running.t / running.s;
    lse[at] = running.m + log_sum;
    correct[at] = select(0.0, 1.0, running.argmax == chosen);
  }
}
