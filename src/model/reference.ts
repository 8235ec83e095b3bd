import type { Sequence } from './batch';

/** π_ref: log-probs that never change during a run. */
export interface ReferencePolicy {
  /** "frozen copy (WGSL)" or "ONNX (onnxruntime-web)", for records. */
  readonly kind: string;
  /** Natural-log probability of every completion token, one array a sequence. */
  logprobs(sequences: readonly Sequence[]): Promise<Float32Array[]>;
  destroy(): void;
}
