// head_sample_merge: per row, the parts of head_sample become a token, log p(token) = z - max z - log(sum exp(z - max z)), the end
// of the row and its history, as sample.wgsl writes them.
// Source: the definition, in ascending order of parts for each of LANES threads, then of threads; the lowest token wins ties.
//
//   partials   (B,P,5)     read        m, s, score, z, token (u32) of every part
//   tokens     (B)         read_write  the token drawn
//   positions  (B)         read_write  of the token fed last; + 1
//   slots      (B)         read_write  0xffffffff: the row is skipped; written when it finishes
//   state      (B,4)       read_write  sequence id, tokens generated, limit, finish (0 running, 1 EOS, 2 length)
//   history    (B,Hmax,2)  read_write  token, bits of its log softmax(z): at temperature 1, nothing cut off
//
// Grid: a workgroup for ROWS rows, LANES threads each, folded in two dimensions.
struct Params {
  B: u32,
  P: u32,
  Hmax: u32,
  eos_count: u32,
  eos0: u32,
  eos1: u32,
}

struct Part { m: f32, s: f32, score: f32, z: f32, token: u32 }

@group(0) @binding(0) var<storage, read> partials: array<Part>;
@group(0) @binding(1) var<storage, read_write> tokens: array<u32>;
@group(0) @binding(2) var<storage, read_write> positions: array<u32>;
@group(0) @binding(3) var<storage, read_write> slots: array<u32>;
@group(0) @binding(4) var<storage, read_write> state: array<vec4u>;
@group(0) @binding(5) var<storage, read_write> history: array<vec2u>;
@group(0) @binding(6) var<uniform> params: Params;

override LANES: u32 = 32u; // LANES times ROWS: at most 64
override ROWS: u32 = 2u;
const NONE = 0xffffffffu;
const LOWEST = -1e30;
const FARTHEST = -80.0; // exp(-80) is 0 beside the maximum's 1

var<workgroup> found: array<Part, 64>;

fn merge(a: Part, b: Part) -> Part {
  let m = max(a.m, b.m);
  let s = a.s * exp(max(a.m - m, FARTHEST)) + b.s * exp(max(b.m - m, FARTHEST));
  if (b.score > a.score || (b.score == a.score && b.token < a.token)) {
    return Part(m, s, b.score, b.z, b.token);
  }
  return Part(m, s, a.score, a.z, a.token);
}

fn record(row: u32, drawn: Part) {
  var now = state[row];
  if (now.y < params.Hmax) {
    history[row * params.Hmax + now.y] = vec2u(drawn.token, bitcast<u32>((drawn.z - drawn.m) - log(drawn.s)));
  }
  now.y += 1u;
  let is_eos = (params.eos_count > 0u && drawn.token == params.eos0) || (params.eos_count > 1u && drawn.token == params.eos1);
  if (is_eos) {
    now.w = 1u;
  } else if (now.y >= min(now.z, params.Hmax)) {
    now.w = 2u;
  }
  state[row] = now;
  tokens[row] = drawn.token;
  positions[row] += 1u;
  if (now.w != 0u) {
    slots[row] = NONE;
  }
}

@compute @workgroup_size(LANES, ROWS)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_id) lid: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let row = (wid.y * nwg.x + wid.x) * ROWS + lid.y;
  var running = row < params.B;
  if (running) {
    running = slots[row] != NONE;
  }

  var all = Part(LOWEST, 0.0, LOWEST, LOWEST, NONE);
  if (running) {
    for (var part = lid.x; part < params.P; part += LANES) {
      all = merge(all, partials[row * params.P + part]);
    }
  }
  found[index] = all;
  workgroupBarrier();
  if (running && lid.x == 0u) {
    for (var i = 1u; i < LANES; i++) {
      all = merge(all, found[index + i]);
    }
    record(row, all);
  }
}
