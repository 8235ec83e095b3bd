import { defineKernel, type Kernel } from '../../src/gpu/kernel';
import type { Stream } from '../figure';

export const STREAMS = ['copy', 'in_place', 'read'] as const satisfies readonly Stream[];

/** Vectors of four that a thread handles, a workgroup's width apart. */
export const VECTORS = [1, 4, 16] as const;
export const STREAM_WORKGROUP = 64;

/** What a stream does with element `at`, what it does in the end, and how many of its buffers an element passes. */
const DESIGNS: Record<Stream, { element: (at: string) => string; end: string; passes: 1 | 2 }> = {
  copy: { element: (at) => `out[${at}] = inp[${at}];`, end: '', passes: 2 },
  in_place: { element: (at) => `out[${at}] = out[${at}].wzyx;`, end: '', passes: 2 },
  read: {
    element: (at) => `sum += inp[${at}];`,
    // Never so, as all that is read is 0: no compiler knows.
    end: 'if (dot(sum, sum) == 1.0) { out[0] = sum; }',
    passes: 1,
  },
};

/** Bytes that a stream moves over a buffer of `bytes`: read plus written. */
export const streamTraffic = (stream: Stream, bytes: number): number => DESIGNS[stream].passes * bytes;

/**
 * copy: out = inp; in_place: out = out, its components reversed; read: inp alone. Vectors of four, neighbours in neighbouring
 * threads.
 *
 *   inp  (count,4)  read   (not in_place)
 *   out  (count,4)  write  (read: one element, never written)
 *
 * Grid: a workgroup for every 64 · vectors of count, folded into two dimensions.
 */
export function streamKernel(stream: Stream, vectors: number): Kernel<string, 'count'> {
  const { element, end } = DESIGNS[stream];
  const lines = Array.from({ length: vectors }, (_, i) => {
    const at = i ? `first + ${i * STREAM_WORKGROUP}u` : 'first';
    return `  if (${at} < params.count) { ${element(at)} }`;
  });
  const names = stream === 'in_place' ? ['out'] : ['inp', 'out'];
  const bindings = names.map((name, i) => {
    const access = name === 'inp' ? 'read' : 'read_write';
    return `@group(0) @binding(${i}) var<storage, ${access}> ${name}: array<vec4f>;`;
  });
  const wgsl = `
struct Params { count: u32 }
${bindings.join('\n')}
@group(0) @binding(${names.length}) var<uniform> params: Params;

@compute @workgroup_size(${STREAM_WORKGROUP})
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let first = (group.y * groups.x + group.x) * ${STREAM_WORKGROUP * vectors}u + lane;
${stream === 'read' ? '  var sum = vec4f(0.0);\n' : ''}${lines.join('\n')}
  ${end}
}
`;
  return defineKernel<string, 'count'>({
    name: `${stream}_${vectors}`,
    wgsl,
    buffers: Object.fromEntries(names.map((name) => [name, name === 'inp' ? 'read' : 'read_write'])),
    params: { count: 'u32' },
  });
}
