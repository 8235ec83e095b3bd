// activation_backward: dinp = dout * activation'(inp), activation as in activation_forward: x * share(x);
//   and what the forward gave, once more, so that nobody need keep it: dout becomes activation(inp)
// Source: derivative of activation_forward (Hendrycks & Gimpel 2016, arXiv:1606.08415, eq. 1 and 2).
//
//   dout  (count)  read, write
//   inp   (count)  read
//   dinp  (count)  write
//
// Grid: ceil(count/256) workgroups, folded in two dimensions; one vec4 a thread.
struct Params { count: u32 }

@group(0) @binding(0) var<storage, read_write> dout: array<vec4f>;
@group(0) @binding(1) var<storage, read> inp: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dinp: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

override ACTIVATION: u32 = 0u; // 0 silu, 1 gelu, 2 gelu_tanh, 3 relu
const WG = 64u;
const FARTHEST = 80.0; // exp(80) is still finite, and sigmoid(-80) is 0 beside anything
const TANH_SCALE = 1.5957691; // 2 sqrt(2 / pi)
const TANH_CUBE = 0.044715;

// What part of x is let through, 0 to 1: activation(x) = x * share(x).
fn share(x: vec4f) -> vec4f {
  if (ACTIVATION == 3u) {
    return select(vec4f(0.0), vec4f(1.0), x > vec4f(0.0));
  }
  if (ACTIVATION == 1u) {
    // the normal distribution function by erfc, Abramowitz & Stegun 7.1.26: within 1e-7
    let z = abs(x) * 0.70710678;
    let t = 1.0 / (1.0 + 0.3275911 * z);
    let series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    let tail = 0.5 * series * exp(max(-z * z, vec4f(-FARTHEST)));
    return select(1.0 - tail, tail, x < vec4f(0.0));
  }
  let w = select(x, TANH_SCALE * x * (1.0 + TANH_CUBE * x * x), ACTIVATION == 2u);
  return 1.0 / (1.0 + exp(-clamp(w, vec4f(-FARTHEST), vec4f(FARTHEST))));
}

// The derivative of activation, given share(x).
fn slope(x: vec4f, s: vec4f) -> vec4f {
  if (ACTIVATION == 3u) {
    return s;
  }
  if (ACTIVATION == 1u) {
    return s + x * 0.39894228 * exp(max(-0.5 * x * x, vec4f(-FARTHEST)));
  }
  let dw = select(vec4f(1.0), TANH_SCALE * (1.0 + 3.0 * TANH_CUBE * x * x), ACTIVATION == 2u);
  return s * (1.0 + x * (1.0 - s) * dw);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (wid.y * nwg.x + wid.x) * WG + lane;
  if (index < params.count / 4u) {
    let x = inp[index];
    let s = share(x);
    dinp[index] = dout[index] * slope(x, s);
    dout[index] = x * s;
  }
}
