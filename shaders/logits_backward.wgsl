// logits_backward: in place, with p = exp(z - lse),
//   dz_j = dlogp * (1[j = target] - p_j) - dentropy * p_j * (log p_j + entropy)
// and where logits were bent, z = CAP tanh(y / CAP), dy = dz * (1 - (z / CAP)^2).
// Source: derivative of logits_stats: d log p_t / dz_j = 1[j=t] - p_j,  dH / dz_j = -p_j (log p_j + H).
//
//   logits    (R,ldv)  read_write   logits in, their gradient out; padding columns become 0
//   targets   (M) u32  read         chunk row r is global row row0 + r, here and below
//   lse       (M)      read         from logits_stats
//   entropy   (M)      read         from logits_stats
//   dlogp     (M)      read         from the objective
//   dentropy  (M)      read         from the objective
//
// Grid: (ldv/1024, R), rounded up, R folded in two dimensions; a workgroup of LANES threads takes 1,024 columns of one row.
struct Params { R: u32, V: u32, ldv: u32, row0: u32 }

@group(0) @binding(0) var<storage, read_write> logits: array<vec4f>;
@group(0) @binding(1) var<storage, read> targets: array<u32>;
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read> entropy: array<f32>;
@group(0) @binding(4) var<storage, read> dlogp: array<f32>;
@group(0) @binding(5) var<storage, read> dentropy: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

override CAP: f32 = 0.0; // logits z are bent to CAP tanh(z / CAP), as in Gemma 2 (arXiv:2408.00118, section 2); 0: they are not
override LANES: u32 = 64u;
const VECTORS = 256u;
const FARTHEST = -80.0; // exp(-80) is 0 beside the other terms

// Logits as the model has them.
fn capped(z: vec4f) -> vec4f {
  if (CAP == 0.0) {
    return z;
  }
  return CAP - 2.0 * CAP / (1.0 + exp(clamp(2.0 * z / CAP, vec4f(-80.0), vec4f(80.0))));
}

// From the gradient of bent logits z to that of the logits as they were.
fn unbent(gradient: vec4f, z: vec4f) -> vec4f {
  if (CAP == 0.0) {
    return gradient;
  }
  return gradient * (1.0 - (z / CAP) * (z / CAP));
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let chunk_row = wid.z * nwg.y + wid.y;
  if (chunk_row >= params.R) {
    return;
  }
  let row = params.row0 + chunk_row;
  let chosen = targets[row];
  let log_sum = lse[row];
  let mean = entropy[row];
  let by_logp = dlogp[row];
  let by_entropy = dentropy[row];
  let vectors = params.ldv / 4u;
  let end = min((wid.x + 1u) * VECTORS, vectors);
  for (var i = wid.x * VECTORS + lane; i < end; i += LANES) {
    let index = chunk_row * vectors + i;
    let column = i * 4u + vec4u(0u, 1u, 2u, 3u);
    let z = capped(logits[index]);
    let log_p = max(z - log_sum, vec4f(FARTHEST));
    let p = exp(log_p);
    let hit = select(vec4f(0.0), vec4f(by_logp), column == vec4u(chosen));
    let gradient = hit - p * (by_logp + by_entropy * (log_p + mean));
    logits[index] = select(vec4f(0.0), unbent(gradient, z), column < vec4u(params.V));
  }
}
