import { afterAll, beforeAll, expect, test } from 'vitest';
import { fill, fillLaunch } from '../kernels/fill';
import { Arena } from './arena';
import { GpuCounter } from './counting';
import type { Gpu } from './device';
import { Plan } from './plan';
import { Stream } from './stream';
import { openTestGpu } from './testing';

let gpu: Gpu;
let counter: GpuCounter;
beforeAll(async () => {
  gpu = await openTestGpu({ defaultLimits: true });
  counter = new GpuCounter(gpu);
});
afterAll(() => gpu.close());

test('a read that nothing was queued behind is blocking, one with work behind it is not', async () => {
  const arena = new Arena('counted', 'separate');
  const out = arena.tensor('out', [100]);
  arena.allocate(gpu);
  expect(counter.take()).toMatchObject({ objects: 1, bytes: 512 });
  const live = counter.liveBytes;
  const stream = new Stream(gpu);
  const plan = new Plan<null>(gpu, 'fill');
  plan.add(fill, { out }, () => fillLaunch({ count: 100, value: 3 }));
  plan.prepare(null);
  const encode = (pass: GPUComputePassEncoder): void => plan.encode(pass);
  await stream.read('first', encode, [out]);
  expect(counter.take()).toMatchObject({ submits: 1, dispatches: 1, readbacks: 1, blockingReadbacks: 1 });

  // Two in flight: the first has the second behind it, the second nothing.
  const [, last] = await Promise.all([
    stream.read('fill', encode, [out]),
    stream.read('fill', encode, [out]),
  ]);
  expect(new Float32Array(last[0] ?? new ArrayBuffer(0))[99]).toBe(3);
  expect(counter.take()).toMatchObject({ submits: 2, readbacks: 2, blockingReadbacks: 1 });

  plan.destroy();
  stream.destroy();
  expect(counter.liveBytes).toBe(live);
  arena.destroy();
  expect(counter.liveBytes).toBe(live - 512);
});
