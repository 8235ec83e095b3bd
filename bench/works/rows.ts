import { ppoClipObjective, sftObjective, type Objective } from '../../src/kernels/objectives';
import { reduceColumns, reduceColumnsLaunch } from '../../src/kernels/reduce';
import { gatherRows, gatherRowsLaunch, scatterRows, scatterRowsLaunch } from '../../src/kernels/rows';
import {
  valueHeadBackward,
  valueHeadBackwardLaunch,
  valueHeadBackwardWeight,
  valueHeadBackwardWeightLaunch,
  valueHeadForward,
  valueHeadForwardLaunch,
} from '../../src/kernels/value_head';
import type { KernelWork } from '../kernel_work';
import type { Shapes } from '../shapes';
import { plainWork } from './layer';

/** One token of so many carries loss. */
const EVERY = 2;
const NONE = 0xffffffff;
const PPO = {
  cliprange: 0.2,
  cliprange_value: 0.2,
  vf_coef: 0.1,
  entropy_coef: 0.01,
  kl_loss_coef: 0.01,
};

/** What is done for the rows that carry loss, of N tokens: picked out, valued, their objective, its sums. */
export function rowWorks({ C }: Shapes, N: number): KernelWork[] {
  const M = N / EVERY;
  const rows = Uint32Array.from({ length: M }, (_, m) => EVERY * m);
  const inverse = Uint32Array.from({ length: N }, (_, n) => (n % EVERY ? NONE : n / EVERY));
  const dims = { M, C };
  return [
    plainWork(gatherRows, dims, { inp: N * C, rows, out: M * C }, gatherRowsLaunch(dims)),
    plainWork(scatterRows, { N, M, C }, { dout: M * C, inverse, dinp: N * C }, scatterRowsLaunch({ N, C })),
    plainWork(
      valueHeadForward,
      dims,
      { inp: M * C, weight: C, bias: 1, value: M },
      valueHeadForwardLaunch(dims),
    ),
    plainWork(valueHeadBackward, dims, { dvalue: M, weight: C, dinp: M * C }, valueHeadBackwardLaunch(dims)),
    plainWork(
      valueHeadBackwardWeight,
      dims,
      { dvalue: M, inp: M * C, dweight: C, dbias: 1 },
      valueHeadBackwardWeightLaunch(dims),
    ),
    objectiveWork(sftObjective, M),
    objectiveWork(ppoClipObjective, M, PPO),
    plainWork(reduceColumns, { M }, { inp: 16 * M, flags: M, out: 16 }, reduceColumnsLaunch({ M })),
  ];
}

function objectiveWork(objective: Objective, M: number, coefficients = {}): KernelWork {
  const each = { logp: M, entropy: M, value: M, dlogp: M, dentropy: M, dvalue: M };
  return plainWork(
    objective.kernel,
    { M },
    { ...each, constants: 8 * M, stats: 16 * M },
    { params: { row0: 0, rows: M, ...coefficients }, grid: objective.grid(M) },
  );
}
