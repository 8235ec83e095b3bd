import type { View } from '../../gpu/arena';
import type { Gpu } from '../../gpu/device';
import type { Plan } from '../../gpu/plan';
import type { ModelConfig } from '../config';

/** What every layer needs to know of a step. */
export interface LayerDims {
  /** Packed tokens; sequences being generated in a decoding step. */
  N: number;
  /** Attention tiles. */
  tiles: number;
}

/** What a micro-batch tells the recorded dispatches. */
export interface BatchDims extends LayerDims {
  /** Distinct tokens, for the embedding's gradient. */
  distinct: number;
  /** Distinct positions, where they are learned. */
  distinctPositions: number;
  /** Rows that carry loss. */
  M: number;
  /** Coefficients of the objective, by its parameter names. */
  coefficients: Readonly<Record<string, number>>;
}

/** Where layers record their dispatches, and the model they record them for. */
export interface Recorder<D extends LayerDims = BatchDims> {
  readonly gpu: Gpu;
  readonly plan: Plan<D>;
  readonly config: ModelConfig;
  /** Room for the partial sums of gradients that are split over k; none where none is. */
  readonly partials?: View | undefined;
}
