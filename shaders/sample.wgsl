// sample: one token a running row, by Gumbel-max: argmax(logits / temperature + g) is a draw from softmax(logits / temperature)
// Source: Maddison et al. 2014, arXiv:1411.0030, section 3; g from Philox4x32-10, Salmon et al. 2011 (SC11), "Parallel random
// numbers: as easy as 1, 2, 3", keyed by the seed and counted by (sequence id, position, token/4, 0): the same draw in any
// row and batch. top_k and top_p as transformers' logits warpers, in that order; tokens tied with the last one kept are kept.
//
//   logits     (B,ldv)     read        the first V of a row count
//   tokens     (B)         read_write  the token drawn
//   positions  (B)         read_write  of the token fed last; + 1
//   slots      (B)         read_write  0xffffffff: the row is skipped; written when it finishes
//   state      (B,4)       read_write  sequence id, tokens generated, limit, finish (0 running, 1 EOS, 2 length)
//   history    (B,Hmax,2)  read_write  token, bits of its log softmax(logits): at temperature 1, nothing cut off
//
// Grid: one workgroup of WG threads a row; rows folded into y. temperature 0 is greedy; the lowest index wins ties.
struct Params {
  B: u32,
  V: u32,
  ldv: u32,
  Hmax: u32,
  eos_count: u32,
  eos0: u32,
  eos1: u32,
  seed_lo: u32,
  seed_hi: u32,
  temperature: f32,
  top_k: u32, // 0: off
  top_p: f32, // 1: off
}

@group(0) @binding(0) var<storage, read> logits: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> tokens: array<u32>;
@group(0) @binding(2) var<storage, read_write> positions: array<u32>;
@group(0) @binding(3) var<storage, read_write> slots: array<u32>;
@group(0) @binding(4) var<storage, read_write> state: array<vec4u>;
@group(0) @binding(5) var<storage, read_write> history: array<vec2u>;
@group(0) @binding(6) var<uniform> params: Params;

override CAP: f32 = 0.0; // logits z are bent to CAP tanh(z / CAP), as in Gemma 2 (arXiv:2408.00118, section 2); 0: they are not
override WG: u32 = 64u; // at most 256
const NONE = 0xffffffffu;
const LOWEST = -1e30;

var<workgroup> running: u32;
var<workgroup> values: array<f32, 256>;
var<workgroup> indices: array<u32, 256>;
var<workgroup> group_values: array<f32, 16>;
var<workgroup> group_indices: array<u32, 16>;

// Logits as the model has them.
fn capped(z: vec4f) -> vec4f {
  if (CAP == 0.0) {
    return z;
  }
  return CAP - 2.0 * CAP / (1.0 + exp(clamp(2.0 * z / CAP, vec4f(-80.0), vec4f(80.0))));
}

// Four logits of a row, those past V as LOWEST.
fn quad(row: u32, q: u32) -> vec4f {
  let index = 4u * q + vec4u(0u, 1u, 2u, 3u);
  return select(vec4f(LOWEST), capped(logits[row * (params.ldv / 4u) + q]), index < vec4u(params.V));
}

// Sum over the workgroup in a fixed order: sixteen strided sums, then those. For every thread.
fn sum_all(lid: u32, value: f32) -> f32 {
  values[lid] = value;
  workgroupBarrier();
  if (lid < 16u) {
    var sum = 0.0;
    for (var i = lid; i < WG; i += 16u) {
      sum += values[i];
    }
    group_values[lid] = sum;
  }
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < min(WG, 16u); i++) {
    sum += group_values[i];
  }
  return sum;
}

struct Best {
  value: f32,
  index: u32,
}

fn better(a: Best, b: Best) -> Best {
  if (b.value > a.value || (b.value == a.value && b.index < a.index)) {
    return b;
  }
  return a;
}

// Largest value over the workgroup, the lowest index of equals. For every thread.
fn best_all(lid: u32, mine: Best) -> Best {
  values[lid] = mine.value;
  indices[lid] = mine.index;
  workgroupBarrier();
  if (lid < 16u) {
    var best = mine;
    for (var i = lid; i < WG; i += 16u) {
      best = better(best, Best(values[i], indices[i]));
    }
    group_values[lid] = best.value;
    group_indices[lid] = best.index;
  }
  workgroupBarrier();
  var best = Best(group_values[0], group_indices[0]);
  for (var i = 1u; i < min(WG, 16u); i++) {
    best = better(best, Best(group_values[i], group_indices[i]));
  }
  return best;
}

// Bits that sort like the floats.
fn order(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}

// Over the tokens of a row whose order is at least `least`: how many, or their weight exp((x - top) / temperature).
fn kept(lid: u32, row: u32, least: u32, top: f32, weigh: bool) -> f32 {
  var sum = 0.0;
  for (var q = lid; 4u * q < params.V; q += WG) {
    let x = quad(row, q);
    let weight = select(vec4f(1.0), exp((x - top) / params.temperature), weigh);
    for (var i = 0u; i < 4u; i++) {
      sum += select(0.0, weight[i], 4u * q + i < params.V && order(x[i]) >= least);
    }
  }
  return sum_all(lid, sum);
}

// The largest order, bit by bit, that at least `goal` tokens (or weight) reach, of those at `floor_order` and above.
fn threshold(lid: u32, row: u32, floor_order: u32, top: f32, weigh: bool, goal: f32) -> u32 {
  var found = 0u;
  for (var bit = 0u; bit < 32u; bit++) {
    let candidate = found | (0x80000000u >> bit);
    if (kept(lid, row, max(candidate, floor_order), top, weigh) >= goal) {
      found = candidate;
    }
  }
  return max(found, floor_order);
}

// The 64-bit product of two u32 as (high, low), by 16-bit halves.
fn multiply(a: u32, b: u32) -> vec2u {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let cross = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let other = (a & 0xffffu) * (b >> 16u) + (cross & 0xffffu);
  return vec2u((a >> 16u) * (b >> 16u) + (cross >> 16u) + (other >> 16u), a * b);
}

fn philox(counter: vec4u, seed: vec2u) -> vec4u {
  var c = counter;
  var key = seed;
  for (var round = 0u; round < 10u; round++) {
    let x = multiply(0xd2511f53u, c.x);
    let z = multiply(0xcd9e8d57u, c.z);
    c = vec4u(z.x ^ c.y ^ key.x, z.y, x.x ^ c.w ^ key.y, x.y);
    key += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

// -log(e), e = -log(1 - u), u = (bits + 1/2) / 2^32: a standard Gumbel number. Small e decide the draw and keep their
// relative precision: below 2^-6, e by its series; above, 1 - u from the complement of the bits.
fn gumbel(bits: u32) -> f32 {
  let u = (f32(bits) + 0.5) * 0x1p-32;
  let rest = (f32(~bits) + 0.5) * 0x1p-32;
  let series = u * (1.0 + u * (0.5 + u * (1.0 / 3.0 + u * 0.25)));
  return -log(select(-log(rest), series, bits < 0x04000000u));
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lid: u32,
) {
  let row = wid.y * nwg.x + wid.x;
  if (row >= params.B) {
    return;
  }
  if (lid == 0u) {
    running = u32(slots[row] != NONE);
  }
  if (workgroupUniformLoad(&running) == 0u) {
    return;
  }

  // largest logit, and sum of exp(x - top)
  var best = Best(LOWEST, 0u);
  for (var q = lid; 4u * q < params.V; q += WG) {
    let x = quad(row, q);
    for (var i = 0u; i < 4u; i++) {
      best = better(best, Best(x[i], 4u * q + i));
    }
  }
  let greedy = best_all(lid, best);
  let top = greedy.value;
  var sum = 0.0;
  for (var q = lid; 4u * q < params.V; q += WG) {
    let e = exp(quad(row, q) - top);
    sum += e.x + e.y + e.z + e.w;
  }
  let log_sum = log(sum_all(lid, sum));

  var token = greedy.index;
  if (params.temperature > 0.0) {
    // which tokens may be drawn
    var least = 0u;
    if (params.top_k > 0u && params.top_k < params.V) {
      least = threshold(lid, row, 0u, top, false, f32(params.top_k));
    }
    if (params.top_p < 1.0) {
      let goal = params.top_p * kept(lid, row, least, top, true);
      least = min(threshold(lid, row, least, top, true, goal), order(top));
    }

    // argmax of (x - top) / temperature + gumbel over them
    let sequence = state[row].x;
    let position = positions[row];
    best = Best(LOWEST, greedy.index);
    for (var q = lid; 4u * q < params.V; q += WG) {
      let x = quad(row, q);
      let bits = philox(vec4u(sequence, position, q, 0u), vec2u(params.seed_lo, params.seed_hi));
      for (var i = 0u; i < 4u; i++) {
        if (4u * q + i < params.V && order(x[i]) >= least) {
          best = better(best, Best((x[i] - top) / params.temperature + gumbel(bits[i]), 4u * q + i));
        }
      }
    }
    token = best_all(lid, best).index;
  }

  // one thread records the token and ends the row; no other reads what it writes
  if (lid == 0u) {
    let logit = quad(row, token / 4u)[token % 4u];
    var now = state[row];
    if (now.y < params.Hmax) {
      history[row * params.Hmax + now.y] = vec2u(token, bitcast<u32>(logit - top - log_sum));
    }
    now.y += 1u;
    let is_eos = (params.eos_count > 0u && token == params.eos0) || (params.eos_count > 1u && token == params.eos1);
    if (is_eos) {
      now.w = 1u;
    } else if (now.y >= min(now.z, params.Hmax)) {
      now.w = 2u;
    }
    state[row] = now;
    tokens[row] = token;
    positions[row] += 1u;
    if (now.w != 0u) {
      slots[row] = NONE;
    }
  }
}
