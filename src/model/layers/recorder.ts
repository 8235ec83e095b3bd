import type { View } from '../../gpu/arena';
import type { Gpu } from '../../gpu/device';
import type { Plan } from '../../gpu/plan';
import type { ModelConfig } from '../config';

/** What a micro-batch (or one decoding step) tells the recorded dispatches. */
export interface BatchDims {
  /** Packed tokens; sequences being generated in a decoding step. */
  N: number;
  /** Attention tiles. */
  tiles: number;
  /** Distinct tokens, for the embedding's gradient. */
  distinct: number;
  /** Rows that carry loss. */
  M: number;
  /** Coefficients of the objective, by its parameter names. */
  coefficients: Readonly<Record<string, number>>;
}

/** Where layers record their dispatches, and the model they record them for. */
export interface Recorder {
  readonly gpu: Gpu;
  readonly plan: Plan<BatchDims>;
  readonly config: ModelConfig;
  /** Room for the partial sums of gradients that are split over k; none where none is. */
  readonly partials?: View | undefined;
}
