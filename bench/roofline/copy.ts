import { defineKernel } from '../../src/gpu/kernel';

/** Vectors of four that a thread copies, a workgroup's width apart. */
export const VECTORS = [1, 4, 16] as const;
export const COPY_WORKGROUP = 64;

/**
 * copy: out = inp, vectors of four, neighbours in neighbouring threads.
 *
 *   inp  (count,4)  read
 *   out  (count,4)  write
 *
 * Grid: a workgroup for every 64 · vectors of count, folded into two dimensions.
 */
export function copyKernel(vectors: number) {
  const lines = Array.from({ length: vectors }, (_, i) => {
    const at = i ? `first + ${i * COPY_WORKGROUP}u` : 'first';
    return `  if (${at} < params.count) { out[${at}] = inp[${at}]; }`;
  });
  const wgsl = `
struct Params { count: u32 }
@group(0) @binding(0) var<storage, read> inp: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(${COPY_WORKGROUP})
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let first = (group.y * groups.x + group.x) * ${COPY_WORKGROUP * vectors}u + lane;
${lines.join('\n')}
}
`;
  return defineKernel({
    name: `copy_${vectors}`,
    wgsl,
    buffers: { inp: 'read', out: 'read_write' },
    params: { count: 'u32' },
  });
}
