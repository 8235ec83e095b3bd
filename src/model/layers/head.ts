import { rowsOf, type Tensor } from '../../gpu/arena';
import {
  addLogitsStats,
  logitsBackward as logitsBackwardKernel,
  logitsBackwardConstants,
  logitsBackwardLaunch,
} from '../../kernels/lm_head';
import { addHeadScore } from '../../kernels/lm_head_score';
import type { Objective, ObjectiveBuffer } from '../../kernels/objectives';
import { reduceColumns, reduceColumnsLaunch } from '../../kernels/reduce';
import { gatherRows, gatherRowsLaunch, scatterRows, scatterRowsLaunch } from '../../kernels/rows';
import {
  valueHeadBackward,
  valueHeadBackwardLaunch,
  valueHeadBackwardWeight,
  valueHeadBackwardWeightLaunch,
  valueHeadForward,
  valueHeadForwardLaunch,
} from '../../kernels/value_head';
import { logitsStride, type BatchInputs, type Capacity, type HeadActivations } from '../activations';
import type { Gradients, Parameters } from '../parameters';
import { logitsBackward, logitsForward } from './logits';
import type { BatchDims, Recorder } from './recorder';

/**
 * The heads: of all N hidden states only the M that carry loss are gathered. Scoring stores no logits; training runs over
 * chunks of rows, so that no (N,V) logits exist: logits → log-prob and entropy → objective → dlogits in place → dX, dW.
 */
export class Heads {
  private readonly r: Recorder;
  private readonly weights: Parameters;
  private readonly saved: HeadActivations;
  private readonly inputs: BatchInputs;
  private readonly capacity: Capacity;

  constructor(
    r: Recorder,
    weights: Parameters,
    saved: HeadActivations,
    inputs: BatchInputs,
    capacity: Capacity,
  ) {
    this.r = r;
    this.weights = weights;
    this.saved = saved;
    this.inputs = inputs;
    this.capacity = capacity;
  }

  /** hidden (N,C) → log-prob, entropy and, with `value`, the value of every completion token. */
  score(hidden: Tensor, value: boolean): void {
    const { plan, gpu, config } = this.r;
    const { logits: partials, logp, entropy, correct } = this.saved;
    this.gather(hidden);
    if (value) this.valueForward();
    addHeadScore(
      plan,
      gpu,
      {
        hidden: this.saved.hidden,
        targets: this.inputs.targets,
        partials,
        logp,
        entropy,
        correct,
      },
      this.weights.head,
      ({ M }) => ({ M, V: config.vocab_size, C: config.hidden_size }),
      config.final_softcap,
    );
  }

  /**
   * hidden (N,C) → statistics (summed into `sums`) and gradients: of the hidden states (written to dhidden (N,C)), of
   * the LM head and, for objectives that use it, of the value head (accumulated in `dweights`; a head left out is frozen).
   */
  train(hidden: Tensor, objective: Objective, dweights: Gradients, dhidden: Tensor): void {
    const { plan } = this.r;
    const { saved } = this;
    const { hidden_size: C } = this.r.config;
    this.gather(hidden);
    if (objective.usesValue) this.valueForward();
    this.eachChunk((chunk) => {
      this.chunkForward(chunk);
      plan.add(objective.kernel, objectiveBuffers(saved), (dims) => ({
        params: { ...dims.coefficients, row0: chunk.row0, rows: chunk.rows(dims) },
        grid: objective.grid(chunk.rows(dims)),
      }));
      this.chunkBackward(chunk, dweights);
    });
    if (objective.usesValue) {
      const { dvalue, dhidden: dinp, hidden: inp } = saved;
      plan.add(valueHeadBackward, { dvalue, weight: this.weights.valueWeight, dinp }, ({ M }) =>
        valueHeadBackwardLaunch({ M, C }),
      );
      plan.add(
        valueHeadBackwardWeight,
        { dvalue, inp, dweight: dweights.valueWeight, dbias: dweights.valueBias },
        ({ M }) => valueHeadBackwardWeightLaunch({ M, C }),
      );
    }
    plan.add(scatterRows, { dout: saved.dhidden, inverse: this.inputs.inverse, dinp: dhidden }, ({ N }) =>
      scatterRowsLaunch({ N, C }),
    );
    const { statistics: inp, correct: flags, sums: out } = saved;
    plan.add(reduceColumns, { inp, flags, out }, ({ M }) => reduceColumnsLaunch({ M }));
  }

  private gather(hidden: Tensor): void {
    const { hidden_size: C } = this.r.config;
    this.r.plan.add(gatherRows, { inp: hidden, rows: this.inputs.rows, out: this.saved.hidden }, ({ M }) =>
      gatherRowsLaunch({ M, C }),
    );
  }

  private valueForward(): void {
    const { hidden_size: C } = this.r.config;
    const { valueWeight: weight, valueBias: bias } = this.weights;
    this.r.plan.add(
      valueHeadForward,
      { inp: this.saved.hidden, weight, bias, value: this.saved.value },
      ({ M }) => valueHeadForwardLaunch({ M, C }),
    );
  }

  private eachChunk(record: (chunk: Chunk) => void): void {
    for (let row0 = 0; row0 < this.capacity.tokens; row0 += this.capacity.chunk) {
      const most = Math.min(this.capacity.chunk, this.capacity.tokens - row0);
      record({ row0, most, rows: ({ M }) => Math.max(0, Math.min(most, M - row0)) });
    }
  }

  private chunkForward({ row0, most, rows }: Chunk): void {
    const { plan, gpu, config } = this.r;
    const { vocab_size: V, final_softcap } = config;
    const { logits, logp, entropy, lse, correct, hidden } = this.saved;
    const ldv = logitsStride(config);
    logitsForward(this.r, this.weights.head, rowsOf(hidden, row0, most), logits, rows);
    const stats = { logits, targets: this.inputs.targets, logp, entropy, lse, correct };
    addLogitsStats(plan, gpu, stats, (dims) => ({ R: rows(dims), V, ldv, row0 }), final_softcap);
  }

  private chunkBackward({ row0, most, rows }: Chunk, dweights: Gradients): void {
    const { plan, gpu, config } = this.r;
    const { vocab_size: V, final_softcap } = config;
    const { logits, lse, entropy, dlogp, dentropy, hidden, dhidden } = this.saved;
    const ldv = logitsStride(config);
    plan.add(
      logitsBackwardKernel,
      { logits, targets: this.inputs.targets, lse, entropy, dlogp, dentropy },
      (dims) => logitsBackwardLaunch({ R: rows(dims), V, ldv, row0 }),
      logitsBackwardConstants(gpu, final_softcap),
    );
    logitsBackward(
      this.r,
      this.weights.head,
      dweights.head ?? [],
      rowsOf(hidden, row0, most),
      logits,
      rowsOf(dhidden, row0, most),
      rows,
    );
  }
}

/** The buffers every objective binds, by the names of its kernel. */
function objectiveBuffers(saved: HeadActivations): Record<ObjectiveBuffer, Tensor> {
  const { logp, entropy, value, constants, dlogp, dentropy, dvalue, statistics: stats } = saved;
  return { logp, entropy, value, constants, dlogp, dentropy, dvalue, stats };
}

/** Rows row0 … row0 + most − 1 of the M; `rows` says how many of them this step has. */
interface Chunk {
  row0: number;
  most: number;
  rows: (dims: BatchDims) => number;
}
