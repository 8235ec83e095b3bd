import { runOnce } from '../gpu/run_once';
import type { KernelCase } from './case';
import { testNumbers } from './case_numbers';
import { F32 } from './compare';
import { qkvWidth, rope, ropeLaunch, ropeTable } from './rope';
import { ropeReference } from './rope.reference';

const T = 50;

function ropeCase(N: number, NH: number, NKV: number, HS: number, direction: 1 | -1, R = HS): KernelCase {
  return {
    kernel: 'rope',
    direction: direction === 1 ? 'forward' : 'backward',
    shape: `N=${N} NH=${NH} NKV=${NKV} HS=${HS} R=${R}`,
    run: async (gpu) => {
      const heads = { NH, NKV, HS };
      const QKV = qkvWidth(heads);
      const qkv = testNumbers(N * QKV, 1);
      const positions = Uint32Array.from({ length: N }, (_, n) => (n * 7) % T);
      const table = ropeTable(T, R, 10_000);
      const { params, grid } = ropeLaunch(N, heads, direction, R);
      const actual = await runOnce(gpu, rope, { qkv, positions, table }, params, grid);
      const expected = ropeReference(qkv, positions, table, { N, QKV, heads: NH + NKV, HS, R }, direction);
      return [{ tensor: 'qkv', actual: actual.qkv, expected, tolerance: F32 }];
    },
  };
}

export const ropeCases: KernelCase[] = [1, -1].flatMap((sign) => {
  const direction = sign === 1 ? 1 : -1;
  return [
    ropeCase(0, 2, 1, 8, direction),
    ropeCase(1, 1, 1, 4, direction),
    ropeCase(2, 3, 1, 4, direction),
    ropeCase(7, 4, 2, 16, direction),
    ropeCase(61, 9, 3, 64, direction),
    ropeCase(33, 2, 2, 128, direction),
    ropeCase(5, 2, 1, 8, direction, 4),
    ropeCase(61, 4, 4, 64, direction, 16),
    ropeCase(19, 3, 1, 80, direction, 32),
    ropeCase(3, 2, 1, 8, direction, 0),
  ];
});
