// ppo_clip: with r = exp(logp - logp_old), A the advantage, R the return, V the value, V' = clip(V, V_old ± cliprange_value):
//   policy = max(-A r, -A clip(r, 1 ± cliprange))           value = max((V - R)^2, (V' - R)^2) / 2
//   k3     = exp(logp_ref - logp) - 1 - (logp_ref - logp)
//   loss   = sum over tokens of weight_policy * (policy + kl_loss_coef * k3 - entropy_coef * entropy)
//                             + vf_coef * weight_value * value
// Gradients as PyTorch takes them: clamp passes its gradient at its bounds too; max gives each of two equal terms half.
// Source: Schulman et al. 2017, arXiv:1707.06347, eq. 7; value clipping and coefficients as in ReFT, arXiv:2401.08967,
// section 3.2; k3: Schulman 2020, "Approximating KL divergence". Exponents are clamped to ±20.
//
//   logp       (M)     read
//   entropy    (M)     read
//   value      (M)     read
//   constants  (M,8)   read    0 logp_old, 1 advantage, 2 return, 3 value_old, 4 weight_policy, 5 weight_value, 6 logp_ref
//   dlogp      (M)     write
//   dentropy   (M)     write
//   dvalue     (M)     write
//   stats      (M,16)  write   0 weight_policy * policy, 1 weight_value * value, 2 (logp - logp_old)^2 / 2,
//                              3 policy clipped, 4 value clipped, 5 r, 6 r^2, 7 entropy, 8 V, 9 R, 10 (V - R)^2, 11 R^2,
//                              12 count (1), 13 loss, 14 k3 (0 when kl_loss_coef is 0), 15 0
//
// Only rows row0 .. row0 + rows - 1 are read and written.
// Grid: ceil(rows/64) workgroups, folded in two dimensions; one row a thread.
struct Params {
  row0: u32,
  rows: u32,
  cliprange: f32,
  cliprange_value: f32,
  vf_coef: f32,
  entropy_coef: f32,
  kl_loss_coef: f32,
}

@group(0) @binding(0) var<storage, read> logp: array<f32>;
@group(0) @binding(1) var<storage, read> entropy: array<f32>;
@group(0) @binding(2) var<storage, read> value: array<f32>;
@group(0) @binding(3) var<storage, read> constants: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dlogp: array<f32>;
@group(0) @binding(5) var<storage, read_write> dentropy: array<f32>;
@group(0) @binding(6) var<storage, read_write> dvalue: array<f32>;
@group(0) @binding(7) var<storage, read_write> stats: array<vec4f>;
@group(0) @binding(8) var<uniform> params: Params;

const WG = 64u;
const FARTHEST = 20.0;

// exp of a log-ratio clamped to ±20, exactly 1 at 0 whatever the adapter's exp, and its derivative.
struct Ratio { r: f32, slope: f32 }

fn ratio_of(log_ratio: f32) -> Ratio {
  let r = select(exp(clamp(log_ratio, -FARTHEST, FARTHEST)), 1.0, log_ratio == 0.0);
  return Ratio(r, select(0.0, r, abs(log_ratio) <= FARTHEST));
}

// d max(a, b) / da
fn share(a: f32, b: f32) -> f32 {
  return select(select(0.0, 0.5, a == b), 1.0, a > b);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (wid.y * nwg.x + wid.x) * WG + lane;
  if (index >= params.rows) {
    return;
  }
  let row = params.row0 + index;
  let log_ratio = logp[row] - constants[row * 2u].x;
  let advantage = constants[row * 2u].y;
  let goal = constants[row * 2u].z;
  let value_old = constants[row * 2u].w;
  let weight_policy = constants[row * 2u + 1u].x;
  let weight_value = constants[row * 2u + 1u].y;
  let logp_ref = constants[row * 2u + 1u].z;

  // Policy.
  let ratio = ratio_of(log_ratio);
  let low = 1.0 - params.cliprange;
  let high = 1.0 + params.cliprange;
  let plain = -advantage * ratio.r;
  let clipped = -advantage * clamp(ratio.r, low, high);
  let policy = max(plain, clipped);
  let policy_share = share(plain, clipped);
  let ratio_passes = select(0.0, 1.0, ratio.r >= low && ratio.r <= high);
  var d_logp = -advantage * (policy_share + (1.0 - policy_share) * ratio_passes) * ratio.slope;

  // KL in the loss: d k3 / d logp = 1 - exp(logp_ref - logp).
  var k3 = 0.0;
  if (params.kl_loss_coef != 0.0) {
    let gap = logp_ref - logp[row];
    let back = ratio_of(gap);
    k3 = back.r - 1.0 - clamp(gap, -FARTHEST, FARTHEST);
    d_logp += params.kl_loss_coef * (select(0.0, 1.0, abs(gap) <= FARTHEST) - back.slope);
  }

  // Value.
  let v = value[row];
  let v_low = value_old - params.cliprange_value;
  let v_high = value_old + params.cliprange_value;
  let v_clipped = clamp(v, v_low, v_high);
  let error = (v - goal) * (v - goal);
  let error_clipped = (v_clipped - goal) * (v_clipped - goal);
  let value_term = 0.5 * max(error, error_clipped);
  let value_share = share(error, error_clipped);
  let value_passes = select(0.0, 1.0, v >= v_low && v <= v_high);
  let d_value = value_share * (v - goal) + (1.0 - value_share) * value_passes * (v_clipped - goal);

  dlogp[row] = weight_policy * d_logp;
  dentropy[row] = -weight_policy * params.entropy_coef;
  dvalue[row] = params.vf_coef * weight_value * d_value;

  let regularized = policy + params.kl_loss_coef * k3 - params.entropy_coef * entropy[row];
  let loss = weight_policy * regularized + params.vf_coef * weight_value * value_term;
  let policy_clipped = select(0.0, 1.0, clipped > plain);
  let value_clipped = select(0.0, 1.0, error_clipped > error);
  stats[row * 4u] =
    vec4f(weight_policy * policy, weight_value * value_term, 0.5 * log_ratio * log_ratio, policy_clipped);
  stats[row * 4u + 1u] = vec4f(value_clipped, ratio.r, ratio.r * ratio.r, entropy[row]);
  stats[row * 4u + 2u] = vec4f(v, goal, error, goal * goal);
  stats[row * 4u + 3u] = vec4f(1.0, loss, k3, 0.0);
}
