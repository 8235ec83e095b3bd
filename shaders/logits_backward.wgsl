// logits_backward: in place, with p = exp(z - lse),
//   dz_j = dlogp * (1[j = target] - p_j) - dentropy * p_j * (log p_j + entropy)
// Source: derivative of logits_stats: d log p_t / dz_j = 1[j=t] - p_j,  dH / dz_j = -p_j (log p_j + H).
//
//   logits    (R,ldv)  read_write   logits in, their gradient out; padding columns become 0
//   targets   (M) u32  read         chunk row r is global row row0 + r, here and below
//   lse       (M)      read         from logits_stats
//   entropy   (M)      read         from logits_stats
//   dlogp     (M)      read         from the objective
//   dentropy  (M)      read         from the objective
//
// Grid: ceil(R*ldv/256) workgroups, folded in two dimensions; one vec4 a thread.
struct Params { R: u32, V: u32, ldv: u32, row0: u32 }

@group(0) @binding(0) var<storage, read_write> logits: array<vec4f>;
@group(0) @binding(1) var<storage, read> targets: array<u32>;
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read> entropy: array<f32>;
@group(0) @binding(4) var<storage, read> dlogp: array<f32>;
@group(0) @binding(5) var<storage, read> dentropy: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

const WG = 64u;
const FARTHEST = -80.0; // exp(-80) is 0 beside the other terms

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (wid.y * nwg.x + wid.x) * WG + lane;
  let vectors = params.ldv / 4u;
  if (index >= params.R * vectors) {
    return;
  }
  let row = params.row0 + index / vectors;
  let column = (index % vectors) * 4u + vec4u(0u, 1u, 2u, 3u);

  let log_p = max(logits[index] - lse[row], vec4f(FARTHEST));
  let p = exp(log_p);
  let hit = select(vec4f(0.0), vec4f(1.0), column == vec4u(targets[row]));
  let gradient = dlogp[row] * (hit - p) - dentropy[row] * p * (log_p + entropy[row]);
  logits[index] = select(vec4f(0.0), gradient, column < vec4u(params.V));
}
