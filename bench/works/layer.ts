import { adamw, adamwLaunch } from '../../src/kernels/adamw';
import {
  addAttentionBackward,
  addAttentionForward,
  attentionTiles,
  maxAttentionTiles,
} from '../../src/kernels/attention';
import { fill, fillLaunch } from '../../src/kernels/fill';
import {
  normFinish,
  normFinishLaunch,
  sumSquares,
  sumSquaresConstants,
  sumSquaresLaunch,
  SUM_SQUARES_PARTIALS,
} from '../../src/kernels/reduce';
import {
  residualRmsnormForward,
  rmsnormBackward,
  rmsnormBackwardConstants,
  rmsnormBackwardLaunch,
  rmsnormBackwardWeight,
  rmsnormBackwardWeightLaunch,
  rmsnormPartialsShape,
  rmsnormConstants,
  rmsnormForward,
  rmsnormForwardLaunch,
} from '../../src/kernels/rmsnorm';
import { addRope } from '../../src/kernels/rope';
import { swigluBackward, swigluForward, swigluLaunch } from '../../src/kernels/swiglu';
import type { Tensor } from '../../src/gpu/arena';
import type { Kernel } from '../../src/gpu/kernel';
import type { Launch } from '../../src/gpu/plan';
import type { Gpu } from '../../src/gpu/device';
import type { KernelWork, Operand } from '../kernel_work';
import type { Shapes } from '../shapes';

const EPS = 1e-5;
/** At least 32 MB a tensor where the model has as much: less would fit a cache. */
const MOST_PARAMETERS = 2 ** 23;

/** A kernel whose buffers are named as its operands. */
export function plainWork<B extends string, P extends string>(
  kernel: Kernel<B, P>,
  dims: Record<string, number>,
  operands: Record<B, Operand>,
  launch: Launch<P>,
  constants: (gpu: Gpu) => Record<string, number> = () => ({}),
): KernelWork {
  return {
    kernel: kernel.name,
    dims,
    operands,
    record: (plan, tensors, gpu) =>
      plan.add(kernel, tensors as Record<B, Tensor>, () => launch, constants(gpu)),
  };
}

/** Everything of a block and of the update that is no matmul, for N tokens. */
export function layerWorks(shapes: Shapes, N: number): KernelWork[] {
  const attention = attentionWorks(shapes, N);
  const update = updateWorks(shapes);
  return shapes.isLlama
    ? [...attention, ...normWorks(shapes, N), ...llamaWorks(shapes, N), ...update]
    : [...attention, ...update];
}

function attentionWorks({ NH, NKV, HS, QKV, T: most }: Shapes, N: number): KernelWork[] {
  const T = Math.min(most, N);
  const B = N / T;
  const heads = { NH, NKV, HS };
  const { tiles, count } = attentionTiles(Uint32Array.from({ length: B + 1 }, (_, b) => b * T));
  const dims = { B, T, NH, NKV, HS };
  const padded = new Uint32Array(4 * Math.max(count, maxAttentionTiles(N, B)));
  padded.set(tiles);
  const kept = { qkv: N * QKV, tiles: padded, out: N * NH * HS, lse: N * NH };
  return [
    {
      kernel: 'attention_forward',
      dims,
      operands: kept,
      record: (plan, { qkv, tiles, out, lse }) => {
        if (qkv && tiles && out && lse)
          addAttentionForward(plan, { qkv, tiles, out, lse }, heads, () => count);
      },
    },
    {
      kernel: 'attention_backward',
      dims,
      operands: { ...kept, dout: N * NH * HS, delta: N * NH, dqkv: N * QKV },
      record: (plan, { qkv, tiles, out, lse, dout, delta, dqkv }) => {
        if (qkv && tiles && out && lse && dout && delta && dqkv)
          addAttentionBackward(plan, { qkv, tiles, out, lse, dout, delta, dqkv }, heads, () => count);
      },
    },
  ];
}

function normWorks({ C, L }: Shapes, N: number): KernelWork[] {
  const dims = { N, C };
  const row = N * C;
  const forward = rmsnormForwardLaunch({ N, C, eps: EPS });
  // All norms of the model leave their weights' gradients to one dispatch.
  const K = 2 * L + 1;
  const partials = rmsnormPartialsShape(K, N, C);
  const [, most] = partials;
  return [
    plainWork(rmsnormForward, dims, { inp: row, weight: C, out: row, rstd: N }, forward, rmsnormConstants),
    plainWork(
      residualRmsnormForward,
      dims,
      { inp: row, branch: row, weight: C, sum: row, out: row, rstd: N },
      forward,
      rmsnormConstants,
    ),
    plainWork(
      rmsnormBackward,
      dims,
      { dout: row, inp: row, weight: C, rstd: N, dinp: row, partials: most * C },
      rmsnormBackwardLaunch({ N, C }),
      rmsnormBackwardConstants,
    ),
    plainWork(
      rmsnormBackwardWeight,
      { K, N, C },
      { partials: K * most * C, dweight: K * C },
      rmsnormBackwardWeightLaunch(N, partials, C),
    ),
  ];
}

function llamaWorks({ NH, NKV, HS, QKV, F }: Shapes, N: number): KernelWork[] {
  const launch = swigluLaunch({ N, F });
  return [
    {
      kernel: 'rope',
      dims: { N, NH, NKV, HS },
      operands: { qkv: N * QKV, positions: Uint32Array.from({ length: N }, (_, n) => n), table: N * HS },
      record: (plan, { qkv, positions, table }) => {
        if (qkv && positions && table) addRope(plan, { qkv, positions, table }, { NH, NKV, HS }, () => N, 1);
      },
    },
    plainWork(swigluForward, { N, F }, { gate_up: 2 * N * F, out: N * F }, launch),
    plainWork(swigluBackward, { N, F }, { dout: N * F, gate_up: 2 * N * F, dgate_up: 2 * N * F }, launch),
  ];
}

/** AdamW, the gradient's norm and clearing, over one flat arena. */
function updateWorks({ C, F, L, QKV, NH, HS, V, isLlama }: Shapes): KernelWork[] {
  const parameters = L * (QKV * C + NH * HS * C + (isLlama ? 3 : 2) * F * C) + V * C;
  const count = Math.floor(Math.min(parameters, MOST_PARAMETERS) / 4) * 4;
  const step = {
    count,
    decay_end: count,
    step: 1,
    learning_rate: 0,
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
    weight_decay: 0,
  };
  return [
    plainWork(
      adamw,
      { count },
      { param: count, grad: count, m: count, v: count, norm: Float32Array.of(1, 1, 1, 0) },
      adamwLaunch(step),
    ),
    plainWork(
      sumSquares,
      { count },
      { x: count, partials: SUM_SQUARES_PARTIALS },
      sumSquaresLaunch({ count }),
      sumSquaresConstants,
    ),
    plainWork(
      normFinish,
      { P: SUM_SQUARES_PARTIALS },
      { partials: SUM_SQUARES_PARTIALS, norm: 4 },
      normFinishLaunch({ max_grad_norm: 1 }),
    ),
    plainWork(fill, { count }, { out: count }, fillLaunch({ count, value: 0 })),
  ];
}
