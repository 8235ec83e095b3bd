import { expect, test } from 'vitest';
import { bySize, logScale, roofLine, rooflinePoints } from './roofline_points';

const figure = (name: string, value: number, unit: string) => ({ name, value, unit, samples: 5 });

test('kernels find their place; what computes nothing or is no kernel has none', () => {
  const points = rooflinePoints([
    figure('kernels/nano/matmul_nt/o/M=4,N=4,K=4', 12, 'GFLOP/s'),
    figure('kernels/nano/rmsnorm_forward/N=8,C=4', 10, 'GB/s'),
    figure('kernels/nano/embedding_forward/N=8,C=4', 10, 'GB/s'),
    figure('steps/nano/score', 10, 'tokens/s'),
  ]);
  expect(points.map(({ kernel }) => kernel)).toEqual(['matmul_nt', 'rmsnorm_forward']);
  expect(points[0]).toMatchObject({ intensity: 128 / 192, gflop_s: 12, model: 'nano' });
  // 4 operations and 8 bytes an element: half as many GFLOP/s as GB/s.
  expect(points[1]).toMatchObject({ intensity: 0.5, gflop_s: 5 });
});

test('scales are whole powers of ten', () => {
  const scale = logScale([0.3, 42]);
  expect(scale).toMatchObject({ least: 0.1, most: 100, ticks: [0.1, 1, 10, 100] });
  expect(scale.at(0.1)).toBeCloseTo(0, 10);
  expect(scale.at(100)).toBeCloseTo(1, 10);
  expect(logScale([5]).ticks).toHaveLength(2);
  expect(logScale([]).ticks).toHaveLength(2);
});

test('the roof goes up to the ridge, then flat; without one of the two it is one line', () => {
  const x = logScale([0.1, 100]);
  expect(roofLine({ copy_gb_s: 10, fma_gflop_s: 50 }, x)).toEqual([
    [0.1, 1],
    [5, 50],
    [100, 50],
  ]);
  expect(roofLine({ copy_gb_s: null, fma_gflop_s: 50 }, x).map(([, y]) => y)).toEqual([50, 50]);
  expect(roofLine({ copy_gb_s: 10, fma_gflop_s: null }, x).map(([, y]) => y)).toEqual([1, 1000]);
  expect(roofLine({ copy_gb_s: null, fma_gflop_s: null }, x)).toEqual([]);
});

test('models stand by size, whatever order they were measured in', () => {
  const points = rooflinePoints([
    figure('kernels/GPT-2/matmul_nt/qkv/M=64,N=2304,K=768', 12, 'GFLOP/s'),
    figure('kernels/nano/rmsnorm_forward/N=2048,C=64', 10, 'GB/s'),
    figure('kernels/nano/matmul_nt/o/M=2048,N=64,K=64', 12, 'GFLOP/s'),
    figure('kernels/mini/matmul_nt/o/M=2048,N=128,K=128', 12, 'GFLOP/s'),
  ]);
  expect(bySize(points)).toEqual(['nano', 'mini', 'GPT-2']);
});
