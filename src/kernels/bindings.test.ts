import { describe, expect, test } from 'vitest';
import { WgslReflect } from 'wgsl_reflect/wgsl_reflect.module.js';
import guide from '../../docs/kernels.md?raw';
import type { Kernel } from '../gpu/kernel';
import { allKernels } from './all';
import { allCases } from './all_cases';
import { isFoldable } from './folding';
import type { KernelCase } from './case';
import { headSampleFamily } from './lm_head_sample';
import { headScoreFamily } from './lm_head_score';
import { matmulFamily } from './matmul_configurations';

// Vite gives these at transform time; keys are paths from this file.
const shaders = import.meta.glob<string>('../../shaders/*.wgsl', {
  eager: true,
  query: '?raw',
  import: 'default',
});
const bindings = import.meta.glob<object>(['./*.ts', '!./*.test.ts', '!./*.cases.ts', '!./testing.ts'], {
  eager: true,
});
const cases = import.meta.glob<Record<string, unknown>>('./*.cases.ts', { eager: true });

const files = new Map(Object.entries(shaders).map(([path, wgsl]) => [nameOf(path), wgsl]));
const kernels = new Map(allKernels.map((kernel) => [kernel.name, kernel]));
// Matmuls and heads without subgroups, and as written for subgroups of eight.
const heads: Kernel[] = [...headScoreFamily(), ...headSampleFamily()];
const families = [...matmulFamily(undefined), ...heads.filter(({ name }) => !name.includes('shared'))];
const generated = new Map(families.map((kernel) => [kernel.name, kernel]));
const shared = [...matmulFamily(8), ...heads].filter((kernel) => !generated.has(kernel.name));

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1, -'.wgsl'.length);
}

/** The WGSL with every function body empty: what it declares, which is all that is looked at here. */
function withoutBodies(wgsl: string): string {
  const code = wgsl.replace(/\/\/.*/g, '');
  let out = '';
  let depth = 0;
  let isFunction = false;
  for (const part of code.split(/([{}])/)) {
    if (part === '{') {
      if (depth === 0) isFunction = /\bfn\s[^;]*$/.test(out);
      depth += 1;
      if (depth === 1) out += part;
    } else if (part === '}') {
      depth -= 1;
      if (depth === 0) out += part;
    } else if (depth === 0 || !isFunction) {
      out += part;
    }
  }
  return out;
}

/** Every kernel a module exports, itself or inside an object. */
function kernelsIn(value: unknown): Kernel[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('wgsl' in value && 'buffers' in value) return [value as Kernel];
  return Object.values(value).flatMap(kernelsIn);
}

test('every WGSL file has a kernel, and every kernel a WGSL file', () => {
  expect([...kernels.keys()].sort()).toEqual([...files.keys()].sort());
});

test('every kernel declared in src/kernels is in allKernels, once', () => {
  const declared = new Set(Object.values(bindings).flatMap(kernelsIn));
  expect([...declared].map((kernel) => kernel.name).sort()).toEqual([...kernels.keys()].sort());
  expect(allKernels.length).toBe(kernels.size);
});

test('every case declared in src/kernels is in allCases', () => {
  const listed = new Set(allCases);
  for (const [file, exported] of Object.entries(cases)) {
    for (const [name, value] of Object.entries(exported)) {
      if (!name.endsWith('Cases')) continue;
      const missing = (value as KernelCase[]).filter((one) => !listed.has(one));
      expect(missing, `${file} ${name}`).toEqual([]);
    }
  }
});

test('every kernel has cases, every case a kernel', () => {
  const covered = new Set(allCases.map((one) => one.kernel));
  expect([...covered].sort()).toEqual([...kernels.keys(), ...generated.keys()].sort());
});

test('docs/kernels.md has every kernel in its table, and nothing else', () => {
  const table = guide.slice(guide.indexOf('## The kernels'), guide.indexOf('## How to add'));
  const named = [...table.matchAll(/^\| (`.*?) \|/gm)].flatMap((row) => (row[1] ?? '').match(/\w+/g) ?? []);
  expect(named.sort()).toEqual([...files.keys()].sort());
});

const all = [...kernels.values(), ...generated.values(), ...shared];
describe.each(all.map((kernel) => [kernel.name, kernel] as const))('%s', (name, kernel) => {
  const wgsl = files.get(name) ?? kernel.wgsl;
  const reflect = (): WgslReflect => new WgslReflect(withoutBodies(wgsl));

  test('is bound to the file of its name', () => {
    expect(kernel.wgsl).toBe(wgsl);
    expect(reflect().entry.compute.map((entry) => entry.name)).toEqual(['main']);
  });

  test('binds its buffers in order, with the access the WGSL declares', () => {
    const declared = [...reflect().storage].sort((a, b) => a.binding - b.binding);
    expect(declared.map(({ group, binding }) => [group, binding])).toEqual(declared.map((_, i) => [0, i]));
    expect(declared.map((variable) => [variable.name, variable.access])).toEqual(
      Object.entries(kernel.buffers),
    );
    // WebGPU guarantees eight a stage.
    expect(declared.length).toBeLessThanOrEqual(8);
  });

  test('has its params last, field by field', () => {
    const reflected = reflect();
    const [uniform, ...more] = reflected.uniforms;
    expect(more).toEqual([]);
    expect([uniform?.group, uniform?.binding, uniform?.name]).toEqual([
      0,
      Object.keys(kernel.buffers).length,
      'params',
    ]);
    const fields = reflected.structs.find((struct) => struct.name === 'Params')?.members ?? [];
    expect(fields.map((field) => [field.name, field.type.name])).toEqual(Object.entries(kernel.params));
    expect(fields.map((field) => field.offset)).toEqual(fields.map((_, i) => 4 * i));
  });

  test('opens with a header: what it computes, every buffer, the grid', () => {
    const header = wgsl.slice(0, wgsl.search(/^[^/\n]/m));
    expect(header).toMatch(new RegExp(`^// ${name}: `));
    for (const buffer of Object.keys(kernel.buffers))
      expect(header).toMatch(new RegExp(`^// .*\\b${buffer}\\b`, 'm'));
    expect(header).toMatch(/^\/\/ Grid: /m);
  });
});

test('who asks how many workgroups there are finds its place in a folded grid', () => {
  const asking = allKernels.filter(({ wgsl }) => wgsl.includes('num_workgroups'));
  expect(asking.length).toBeGreaterThan(30);
  // These two have grids of their own.
  expect(asking.filter((kernel) => !isFoldable(kernel)).map(({ name }) => name)).toEqual([
    'logits_backward',
    'kv_copy',
  ]);
});
