import { defineKernel } from '../../src/gpu/kernel';

/** How a probe multiplies and adds: by the built-in function or by operators. Which is faster depends on the compiler. */
export type FmaForm = 'fma' | 'operators';

/** Vectors of four that a thread keeps going at once: they must hide the latency and fit the registers. */
export const CHAINS = [2, 3, 4, 6] as const;
export interface FmaWay {
  chains: (typeof CHAINS)[number];
  form: FmaForm;
}

/** Steps of every chain written out in one turn of the loop. */
const UNROLL = 8;
const WORKGROUP = 64;

/**
 * fma_peak: every thread carries `chains` vectors through loops · UNROLL steps of x_i = x_i · x_(i+1) + c. Each step needs
 * its neighbour's last value, so no two can be folded into one, and from any start the values settle near 0.28: no denormals.
 * Every component starts elsewhere: equal ones would be computed once.
 *
 *   out  (threads)  write   the sum of a thread's chains
 *
 * Grid: one thread an element of out.
 */
export function fmaKernel({ chains, form }: FmaWay) {
  const names = Array.from({ length: chains }, (_, i) => `x${i}`);
  const step = names
    .map((x, i) => {
      const next = names[(i + 1) % chains] ?? x;
      return form === 'fma' ? `${x} = fma(${x}, ${next}, c);` : `${x} = ${x} * ${next} + c;`;
    })
    .join(' ');
  const wgsl = `
struct Params { loops: u32, c: f32 }
@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = vec4f(params.c);
  let start = vec4f(0.0, 0.05, 0.1, 0.15) + f32(id.x & 63u) * 0.0001;
${names.map((x, i) => `  var ${x} = start + ${(i * 0.01).toFixed(2)};`).join('\n')}
  for (var turn = 0u; turn < params.loops; turn++) {
${`    ${step}\n`.repeat(UNROLL)}  }
  out[id.x] = dot(${names.join(' + ')}, vec4f(1.0));
}
`;
  return defineKernel({
    name: `fma_peak_${form}_${chains}`,
    wgsl,
    buffers: { out: 'read_write' },
    params: { loops: 'u32', c: 'f32' },
  });
}

/** Operations of one dispatch: two a component and step. */
export const fmaFlops = (chains: number, loops: number, workgroups: number): number =>
  2 * 4 * chains * UNROLL * loops * workgroups * WORKGROUP;

export const fmaThreads = (workgroups: number): number => workgroups * WORKGROUP;
