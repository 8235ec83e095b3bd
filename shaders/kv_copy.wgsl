// kv_copy: the first tokens of one cache slot become those of another: a prompt is computed once for all its completions
// Source: the shared prefixes of Kwon et al. 2023, arXiv:2309.06180, section 4.4, as copies.
//
//   copies   (P,4)            read        from slot, to slot, tokens, 0; no slot is written twice, or read and written
//   k_cache  (S,Tmax,NKV*HS)  read_write  rows 0 … tokens - 1 of the slot `to`
//   v_cache  (S,Tmax,NKV*HS)  read_write
//
// Grid: (x, P): a row of x workgroups of 64 threads strides over the 4-float columns of its copy.
struct Params {
  width: u32, // NKV*HS/4
  Tmax: u32,
}

@group(0) @binding(0) var<storage, read> copies: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> k_cache: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> v_cache: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) nwg: vec3u,
  @builtin(local_invocation_index) lid: u32,
) {
  let copy = copies[wid.y];
  let size = params.Tmax * params.width;
  for (var i = wid.x * 64u + lid; i < copy.z * params.width; i += nwg.x * 64u) {
    k_cache[copy.y * size + i] = k_cache[copy.x * size + i];
    v_cache[copy.y * size + i] = v_cache[copy.x * size + i];
  }
}
