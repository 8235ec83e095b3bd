// adamw: with g = grad * norm[1] (the clip factor), at step t from 1:
//   param *= 1 - learning_rate * weight_decay          (elements below decay_end only)
//   m = m + (1 - beta1) * (g - m)
//   v = beta2 * v + (1 - beta2) * g^2
//   param -= learning_rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
//   grad = 0
// Where norm[2] is 0 (the gradient was not finite) only grad = 0 is done: that step is skipped.
// Source: Loshchilov & Hutter 2019, arXiv:1711.05101, alg. 2, in the order of torch.optim.AdamW.
//
//   param  (count)  read_write    count is a multiple of 4
//   grad   (count)  read_write
//   m      (count)  read_write
//   v      (count)  read_write
//   norm   (4)      read          from norm_finish
//
// Params are computed on the CPU in f64 (1 - beta2 taken in f32 would be off by 1e-5): decay = 1 - learning_rate *
// weight_decay, step_size = learning_rate / (1 - beta1^t), root_correction = sqrt(1 - beta2^t).
// Grid: ceil(count/1024) workgroups, folded in two dimensions; one vec4 a thread.
struct Params {
  count: u32,
  decay_end: u32,
  decay: f32,
  step_size: f32,
  root_correction: f32,
  one_minus_beta1: f32,
  beta2: f32,
  one_minus_beta2: f32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read_write> param: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> grad: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(4) var<storage, read> norm: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

const WG = 256u;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (wid.y * nwg.x + wid.x) * WG + lane;
  if (i >= params.count / 4u) {
    return;
  }
  if (norm[2] != 0.0) {
    let g = grad[i] * norm[1];
    let first = m[i] + params.one_minus_beta1 * (g - m[i]);
    let second = params.beta2 * v[i] + params.one_minus_beta2 * g * g;
    let decays = i * 4u + vec4u(0u, 1u, 2u, 3u) < vec4u(params.decay_end);
    let kept = param[i] * select(vec4f(1.0), vec4f(params.decay), decays);
    param[i] = kept - params.step_size * first / (sqrt(second) / params.root_correction + params.eps);
    m[i] = first;
    v[i] = second;
  }
  grad[i] = vec4f(0.0);
}
