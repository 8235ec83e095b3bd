/** A kernel: a `.wgsl` file and what it binds. Forward and backward are two kernels, siblings. */
export type Access = 'read' | 'read_write';
export type ParamType = 'u32' | 'f32';

export interface Kernel<B extends string = string, P extends string = string> {
  /** The file's name in shaders/, without its ending. */
  readonly name: string;
  readonly wgsl: string;
  /** Buffers in `@binding` order from 0, with the access the WGSL declares. */
  readonly buffers: Readonly<Record<B, Access>>;
  /** Fields of `struct Params` in order; the uniform is bound after the last buffer. */
  readonly params: Readonly<Record<P, ParamType>>;
}

/**
 * Declares a kernel's binding. src/kernels/bindings.test.ts parses every WGSL file and holds the declaration to it:
 * names, order, access and parameter types.
 */
export function defineKernel<B extends string, P extends string>(kernel: Kernel<B, P>): Kernel<B, P> {
  return kernel;
}

/** Workgroups in x, y, z. Zero anywhere: the dispatch is left out. */
export type Grid = readonly [x: number, y?: number, z?: number];

const MAX_WORKGROUPS = 65_535;

/**
 * A grid of `count` workgroups, folded into two dimensions when one cannot hold them. The kernel recovers the index as
 * `workgroup_id.y * num_workgroups.x + workgroup_id.x` and must ignore what lies past its count.
 */
export function grid1d(count: number): Grid {
  if (count <= MAX_WORKGROUPS) return [count];
  return [MAX_WORKGROUPS, Math.ceil(count / MAX_WORKGROUPS)];
}

/** Bytes of one kernel's uniform: 4 a field, the struct rounded up to 16. */
export function paramsBytes(kernel: Kernel): number {
  return Math.max(16, Math.ceil(Object.keys(kernel.params).length / 4) * 16);
}

/** Writes one kernel's params at `offset` of `out`. Errors: a missing field is a bug and throws. */
export function writeParams(
  kernel: Kernel,
  values: Readonly<Record<string, number>>,
  out: DataView,
  offset: number,
): void {
  let at = offset;
  for (const [name, type] of Object.entries(kernel.params)) {
    const value = values[name];
    if (value === undefined) throw new Error(`${kernel.name}: param ${name} was not given`);
    if (type === 'u32') out.setUint32(at, value, true);
    else out.setFloat32(at, value, true);
    at += 4;
  }
}
