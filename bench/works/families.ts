import {
  activationBackward,
  activationConstants,
  activationForward,
  activationLaunch,
} from '../../src/kernels/activation';
import { biasBackward, biasBackwardConstants, biasBackwardLaunch } from '../../src/kernels/bias';
import { layernormBackward, layernormForward, residualLayernormForward } from '../../src/kernels/layernorm';
import {
  qkNormBackward,
  qkNormBackwardLaunch,
  qkNormConstants,
  qkNormForward,
  qkNormForwardLaunch,
} from '../../src/kernels/qk_norm';
import {
  rmsnormBackwardConstants,
  rmsnormBackwardLaunch,
  rmsnormConstants,
  rmsnormForwardLaunch,
  rmsnormPartialsShape,
} from '../../src/kernels/rmsnorm';
import { positionForward, positionForwardLaunch } from '../../src/kernels/embedding';
import type { KernelWork } from '../kernel_work';
import type { Shapes } from '../shapes';
import { plainWork } from './layer';

const EPS = 1e-5;

/** What other families than Llama put in its kernels' places, at any model's shapes, for N tokens. */
export const familyWorks = (shapes: Shapes, N: number): KernelWork[] => [
  ...layernormWorks(shapes, N),
  biasWork(shapes.QKV, N),
  ...activationWorks(shapes, N),
  positionWork(shapes, N),
  ...qkNormWorks(shapes, N),
];

function layernormWorks({ C }: Shapes, N: number): KernelWork[] {
  const dims = { N, C };
  const row = N * C;
  const [, most] = rmsnormPartialsShape(1, N, C);
  const forward = rmsnormForwardLaunch({ N, C, eps: EPS });
  return [
    plainWork(
      layernormForward,
      dims,
      { inp: row, weight: 2 * C, out: row, stats: 2 * N },
      forward,
      rmsnormConstants,
    ),
    plainWork(
      residualLayernormForward,
      dims,
      { inp: row, branch: row, weight: 2 * C, sum: row, out: row, stats: 2 * N },
      forward,
      rmsnormConstants,
    ),
    plainWork(
      layernormBackward,
      dims,
      { dout: row, inp: row, weight: 2 * C, stats: 2 * N, dinp: row, partials: 2 * most * C },
      rmsnormBackwardLaunch(dims),
      rmsnormBackwardConstants,
    ),
  ];
}

/** The gradient of a bias of C columns. */
function biasWork(C: number, N: number): KernelWork {
  return plainWork(
    biasBackward,
    { N, C },
    { dout: N * C, dbias: C },
    biasBackwardLaunch({ N, C }),
    biasBackwardConstants,
  );
}

/** GPT-2's activation. */
function activationWorks({ F }: Shapes, N: number): KernelWork[] {
  const count = N * F;
  const launch = activationLaunch({ count });
  const constants = () => activationConstants('gelu_tanh');
  return [
    plainWork(activationForward, { count }, { inp: count, out: count }, launch, constants),
    plainWork(activationBackward, { count }, { dout: count, inp: count, dinp: count }, launch, constants),
  ];
}

/** Learned positions of one sequence. */
function positionWork({ C }: Shapes, N: number): KernelWork {
  const positions = Uint32Array.from({ length: N }, (_, n) => n);
  const launch = positionForwardLaunch({ N, C });
  return plainWork(positionForward, { N, C }, { positions, weight: N * C, out: N * C }, launch);
}

/** Norms of Qwen 3's and Gemma 3's queries and keys. */
function qkNormWorks({ NH, NKV, HS, QKV }: Shapes, N: number): KernelWork[] {
  const heads = { NH, NKV, HS };
  const dims = { N, NH, NKV, HS };
  const kept = { inp: N * QKV, weight: 2 * HS, rstd: N * (NH + NKV) };
  return [
    plainWork(
      qkNormForward,
      dims,
      { ...kept, out: N * QKV },
      qkNormForwardLaunch(N, heads, { eps: EPS }),
      qkNormConstants,
    ),
    plainWork(
      qkNormBackward,
      dims,
      { ...kept, dqkv: N * QKV, partials: Math.ceil(N / 32) * NKV * 2 * HS },
      qkNormBackwardLaunch(N, heads),
      qkNormConstants,
    ),
  ];
}
